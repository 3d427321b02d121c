"""A mixture of a study with two sources of each kind, and what exporters are given with it."""

from typing import Any

import numpy as np

from mixtures.export.formats import ExportFile, export
from mixtures.export.trainer_format import ExportOptions
from mixtures.mixture import Mixture
from mixtures.recommend import recommend
from mixtures.recommendation import Recommendation
from mixtures.source import SourceSize
from tests.mixtures.share_study import make_study, observe_curve

# In tokens; the odd one out has no share.
SHARES = {"web": 0.4, "books": 0.0, "chat": 0.35, "proofs": 0.25}
# 200, 500, 50 and 100 tokens a document.
SIZES = {
    "web": SourceSize(num_documents=10, num_tokens=2_000),
    "books": SourceSize(num_documents=2, num_tokens=1_000),
    "chat": SourceSize(num_documents=40, num_tokens=2_000),
    "proofs": SourceSize(num_documents=5, num_tokens=500),
}
# 0.4 / 200, 0.35 / 50 and 0.25 / 100 documents a token are 20, 70 and 25 of 115.
DOCUMENT_WEIGHTS = {"web": 20 / 115, "chat": 70 / 115, "proofs": 25 / 115}
TOKEN_WEIGHTS = {"web": 0.4, "chat": 0.35, "proofs": 0.25}
PROVENANCE: dict[str, Any] = {
    "trial_ids": ["t0-0", "t0.5-0"],
    "seeds": [0, 1],
    "data_hashes": {"sources.web": "ab12"},
    "created_at": "2026-01-02T03:04:05Z",
}

_STUDY = make_study()
_ANSWER = recommend(
    _STUDY, observe_curve(_STUDY, lambda s: 4 + (s - 0.5) ** 2, 0.01, np.random.default_rng(0))
)


def answer(shares: dict[str, float] = SHARES, **changes: Any) -> Recommendation:
    return _ANSWER.model_copy(update={"mixture": Mixture(shares=shares), **changes})


def exported(
    format: str,
    recommendation: Recommendation | None = None,
    sizes: dict[str, SourceSize] = SIZES,
    provenance: dict[str, Any] = PROVENANCE,
    force: bool = False,
    **options: Any,
) -> ExportFile:
    return export(
        format,
        recommendation or answer(),
        _STUDY,
        "study-1",
        provenance,
        sizes,
        ExportOptions(**options),
        force=force,
    )
