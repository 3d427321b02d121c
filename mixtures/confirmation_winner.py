"""Who is best on fresh seeds, and how much of the raw top's score was luck."""

from collections.abc import Mapping

import numpy as np

from mixtures.confirmation import RAW_TOP, RECOMMENDED, Confirmation
from mixtures.confirmation_differences import LEVEL, signed
from mixtures.confirmation_found import Winner, WinnersCurse
from mixtures.paired_test import holm, paired_test
from mixtures.study import StudySpec

# By the first name of each mixture and by seed.
Losses = Mapping[str, Mapping[int, float]]


def winner_of(study: StudySpec, losses: Losses) -> Winner | None:
    """By the mean over the seeds that all mixtures with any have; None without two such seeds.

    Holm is over the differences from the winner, as it is from the mixture that is confirmed: where
    that one wins, both say the same.
    """
    common = _common_seeds(study, losses)
    means = {name: float(np.mean([of[s] for s in common])) for name, of in losses.items() if of}
    if len(means) < 2 or len(common) < 2:
        return None
    best, *others = sorted(means, key=lambda name: means[name])
    tests = [paired_test([losses[best][s] - losses[name][s] for s in common]) for name in others]
    adjusted = holm([1.0 if test.p_t is None else test.p_t for test in tests])
    sign = study.objective.loss_sign
    return Winner(
        mixture=best,
        second=others[0],
        lead=sign * tests[0].mean,
        interval=signed(sign, tests[0].interval),
        tied=tuple(name for name, p in zip(others, adjusted, strict=True) if p > LEVEL),
        seeds=tuple(common),
    )


def winners_curse_of(study: StudySpec, asked: Confirmation, losses: Losses) -> WinnersCurse | None:
    """How much worse the raw top is on fresh seeds than by its own score.

    Seeds move all scores alike, and these are others. What the baselines moved by, which nobody
    chose for their scores, is that; the rest is the winner's curse. All over the same seeds.
    """
    common = _common_seeds(study, losses)
    sign = study.objective.loss_sign
    shortfall = {
        one.name: float(np.mean([losses[one.name][s] for s in common]))
        - sign * one.promise.raw_mean
        for one in asked.mixtures
        if losses[one.name] and common and one.promise.raw_mean is not None
    }
    top = next((one for one in asked.mixtures if RAW_TOP in one.names), None)
    if top is None or top.name not in shortfall or top.promise.raw_mean is None:
        return None
    plain = [
        shortfall[one.name]
        for one in asked.mixtures
        if one.name in shortfall
        and set(study.baseline_mixtures) & set(one.names)
        and not {RAW_TOP, RECOMMENDED} & set(one.names)
    ]
    own, shift = shortfall[top.name], float(np.mean(plain)) if plain else None
    return WinnersCurse(
        mixture=top.name,
        promised=top.promise.raw_mean,
        num_trials=top.promise.num_trials,
        confirmed=top.promise.raw_mean + sign * own,
        shortfall=own,
        seed_shift=shift,
        net=None if shift is None else own - shift,
    )


def _common_seeds(study: StudySpec, losses: Losses) -> list[int]:
    """Those that every mixture with a score has one with."""
    tried = [of for of in losses.values() if of]
    return [s for s in study.seeds if tried and all(s in of for of in tried)]
