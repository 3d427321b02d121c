"""A study of many sources that is trained outside, with trials from a loss that is known."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mixtures.design import first_trials
from mixtures.observation import Observation
from mixtures.study import StudySpec
from tests.mixtures.outside_study import make_outside_study

Losses = Callable[[dict[str, float]], dict[str, float]]


def bowls(shares: dict[str, float]) -> dict[str, float]:
    """Math is best at proofs .4, code at proofs 0; their mean at proofs .2, and web .5, chat .3."""
    bowl = (shares["web"] - 0.5) ** 2 + (shares["chat"] - 0.3) ** 2
    return {
        "math": 2.0 + bowl + (shares["proofs"] - 0.4) ** 2,
        "code": 1.0 + bowl + shares["proofs"] ** 2,
    }


def many_source_study(**changes: Any) -> StudySpec:
    design = {"num_mixtures": 30, "num_repeated": 6}
    return make_outside_study(**{"design": design, **changes})


def observe_mixtures(
    study: StudySpec,
    losses: Losses = bowls,
    noise: float = 0.005,
    seed: int = 0,
    seed_sd: float = 0.0,
    shares: Sequence[dict[str, float]] | None = None,
) -> list[Observation]:
    """One for each of the study's first trials, or for each of `shares` with seed 0."""
    rng = np.random.default_rng(seed)
    effects = {one: seed_sd * rng.standard_normal() for one in study.seeds}
    if shares is None:
        pairs = [(one.mixture.shares, one.seed) for one in first_trials(study, "study", {})]
    else:
        pairs = [(one, 0) for one in shares]
    sft = {source.name for source in study.sources if source.kind == "sft"}
    return [
        Observation(
            trial_id=f"t{number:03}",
            shares=own,
            sft_share=round(sum(own[name] for name in sft), 9),
            seed=at,
            scores={
                name: value + effects[at] + noise * rng.standard_normal()
                for name, value in losses(own).items()
            },
        )
        for number, (own, at) in enumerate(pairs)
    ]
