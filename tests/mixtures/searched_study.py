"""A study that searches the SFT share and the shares inside the SFT group, and trials for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mixtures.observation import Observation
from mixtures.study import StudySpec
from mixtures.surrogates.seam import Array
from tests.mixtures.share_study import make_study

# Order of shares: web, books (3 to 1 of what is not SFT), chat, proofs.
SOURCES = ("web", "books", "chat", "proofs")


def searched_study(benchmarks: Sequence[str] = ("math", "code"), **changes: Any) -> StudySpec:
    space = {"sft_share_range": [0.0, 1.0], "free_groups": ["sft"]}
    return make_study(benchmarks, **{"space": space, **changes})


def draw_mixtures(count: int, seed: int = 0) -> Array:
    """(count, 4): the SFT share and chat's part of it are uniform."""
    rng = np.random.default_rng(seed)
    sft, chat = rng.random(count).round(3), rng.random(count).round(3)
    pretrain = 1.0 - sft
    return np.column_stack([0.75 * pretrain, 0.25 * pretrain, sft * chat, sft * (1.0 - chat)])


def observe_mixtures(
    study: StudySpec,
    count: int,
    scores: Callable[[Array], Mapping[str, float]],
    seed: int = 0,
) -> list[Observation]:
    """One trial of each of `count` mixtures, on one seed."""
    return [
        Observation(
            trial_id=f"t{place}",
            shares=dict(zip(SOURCES, row.tolist(), strict=True)),
            sft_share=round(float(row[2] + row[3]), 9),
            seed=0,
            scores=dict(scores(row)),
        )
        for place, row in enumerate(draw_mixtures(count, seed))
    ]
