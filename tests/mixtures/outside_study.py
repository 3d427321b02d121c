"""A small study that is trained outside."""

from typing import Any

from mixtures.study import StudySpec

OUTSIDE_STUDY: dict[str, Any] = {
    "name": "outside",
    "trained_by": "outside",
    "sources": [
        {"name": "web", "kind": "pretrain", "tokens": 800_000},
        {"name": "books", "kind": "pretrain", "tokens": 200_000},
        {"name": "chat", "kind": "sft", "tokens": 60_000},
        {"name": "proofs", "kind": "sft", "tokens": 40_000},
    ],
    "benchmarks": [{"name": "math"}, {"name": "code", "group": "code"}],
    "objective": {"metric": "loss", "better": "lower"},
    "decay": {"tokens": 100_000},
    "space": {"sft_share_range": [0.0, 1.0], "free_groups": ["sft", "pretrain"]},
    "seeds": [0, 1],
}


def make_outside_study(**changes: Any) -> StudySpec:
    return StudySpec.model_validate({**OUTSIDE_STUDY, **changes})
