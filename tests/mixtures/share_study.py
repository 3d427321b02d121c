"""A small study with two sources of each kind, and trials made up for it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mixtures.design import trials_of_request
from mixtures.rank import Observation
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec

SWEEP = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.64, 0.8, 0.9, 1.0)
HASHES = {"sources.web": "0" * 64}


def make_study(benchmarks: Sequence[str] = ("math", "code"), **changes: Any) -> StudySpec:
    web = {"kind": "pretrain", "files": ["a.jsonl"], "text": "{{ text }}"}
    chat = {"kind": "sft", "files": ["b.jsonl"], "prompt": "{{ q }}", "response": "{{ a }}"}
    spec = {
        "name": "sweep",
        "sources": [
            {"name": "web", **web},
            {"name": "books", **web},
            {"name": "chat", **chat},
            {"name": "proofs", **chat},
        ],
        "pretrain_shares": {"web": 0.75, "books": 0.25},
        "benchmarks": [{"name": name, "held_out": "web"} for name in benchmarks],
        "space": {"sft_share": SWEEP},
        **changes,
    }
    return StudySpec.model_validate(spec)


def make_trial(seed: int = 0, hashes: dict[str, str] = HASHES, **changes: Any) -> TrialSpec:
    """Share 0.64 of `make_study(**changes)`."""
    request = TrialRequest(sft_share=0.64, seed=seed)
    return trials_of_request(request, make_study(**changes), "study", hashes)[0]


def observe(study: StudySpec, share: float, seed: int, **scores: float) -> Observation:
    return Observation(
        trial_id=f"t{share:g}-{seed}",
        shares=study.mixture_at(share).shares,
        sft_share=share,
        seed=seed,
        scores=scores,
    )


def observe_curve(
    study: StudySpec,
    curve: Callable[[float], float],
    noise: float | Callable[[float], float],
    rng: np.random.Generator,
    shares: Sequence[float] = SWEEP,
    seeds: Sequence[int] = (0, 1),
    seed_sd: float = 0.02,
) -> list[Observation]:
    """Trials whose every benchmark is the curve, a seed effect and the trial's own noise."""
    sd = noise if callable(noise) else lambda share: noise
    observations = []
    for seed in seeds:
        effect = seed_sd * rng.standard_normal()
        for share in shares:
            value = curve(share) + effect + sd(share) * rng.standard_normal()
            scores = {benchmark.name: value for benchmark in study.benchmarks}
            observations.append(observe(study, share, seed, **scores))
    return observations
