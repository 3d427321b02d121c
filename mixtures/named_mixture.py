"""The mixture that a study's rule names, out of those that cannot be told from the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixtures.choice_rule import Choosable, choose, total_variation
from mixtures.mixture import Mixture
from mixtures.mixture_posterior import NUM_SAMPLES, SEED, row_of
from mixtures.own_answer import OwnAnswer, Pool, compare
from mixtures.repetition import epochs_of
from mixtures.study import StudySpec
from mixtures.surrogates.seam import Array

# How many steps from the best mean towards a mixture that the rule likes better, and how many such.
STEPS, NUM_TOWARDS = 20, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """The mixture that the rule names: the pool that it was chosen from, and its row there."""

    pool: Pool
    row: int

    @property
    def shares(self) -> Array:
        chosen: Array = self.pool.shares[self.row]
        return chosen


def named_mixture(
    study: StudySpec, answer: OwnAnswer, available_tokens: Mapping[str, int]
) -> Named:
    """By the study's rule, out of the pool and of what lies between its best and what the rule
    likes better, so that the choice is not held to what happened to be tried.
    """
    pool = answer.chosen_from
    if study.recommend == "lowest_mean":
        return Named(pool=pool, row=pool.best.choice)
    among = _choosable(study, answer, pool, available_tokens)
    if study.recommend == "most_probable":
        is_tried = np.array([name in answer.trials.point_of for name in pool.ids])
        tried = among.p_best > 0
        return Named(pool=pool, row=_named(study, among, (pool.best.is_tied | tried) & is_tried))
    liked = np.lexsort([among.mean, among.most_epochs, among.sft_share.round(3), among.distance])
    steps = np.linspace(0.0, 1.0, STEPS + 1)[1:, None]
    best = pool.shares[pool.best.choice]
    between = np.vstack(
        [(1 - steps) * best + steps * pool.shares[row] for row in liked[:NUM_TOWARDS]]
    )
    names = (*pool.ids, *(f"towards {i}" for i in range(len(between))))
    wider = compare(
        answer.fit,
        names,
        np.vstack([pool.shares, between]),
        NUM_SAMPLES,
        np.random.default_rng([SEED, 4]),
    )
    among = _choosable(study, answer, wider, available_tokens)
    return Named(pool=wider, row=_named(study, among, wider.best.is_tied))


def _named(study: StudySpec, among: Choosable, is_tied: NDArray[np.bool_]) -> int:
    return choose(study.recommend, replace(among, is_tied=is_tied))


def _choosable(
    study: StudySpec, answer: OwnAnswer, pool: Pool, available_tokens: Mapping[str, int]
) -> Choosable:
    sources = answer.trials.sources
    of_trials = dict(zip(answer.of_trials.ids, answer.of_trials.best.p_best, strict=True))
    current = row_of(study.current_mixture or {}, sources)
    is_sft = np.array([float(source.kind == "sft") for source in study.sources])
    return Choosable(
        mean=pool.mean,
        is_tied=pool.best.is_tied,
        p_best=np.array([of_trials.get(name, 0.0) for name in pool.ids]),
        sft_share=pool.shares @ is_sft,
        most_epochs=np.array(
            [
                _most_epochs(study, dict(zip(sources, row, strict=True)), available_tokens)
                for row in pool.shares.tolist()
            ]
        ),
        distance=total_variation(pool.shares, current)
        if study.recommend == "closest_to_current"
        else np.zeros(len(pool.ids)),
    )


def _most_epochs(
    study: StudySpec, shares: Mapping[str, float], available_tokens: Mapping[str, int]
) -> float:
    found = epochs_of(shares, study.decay, study.full_run, available_tokens)
    return max(
        (one.proxy if one.full_run is None else one.full_run for one in found.values()), default=0.0
    )


def mixture_of(shares: Array, sources: Sequence[str]) -> Mixture:
    """Rounded to twelve digits, as all mixtures are; what rounding leaves goes to the largest."""
    rounded = {name: round(float(s), 12) for name, s in zip(sources, shares, strict=True)}
    largest = max(rounded, key=lambda name: rounded[name])
    rest = 1.0 - sum(share for name, share in rounded.items() if name != largest)
    return Mixture(shares={**rounded, largest: round(rest, 12)})
