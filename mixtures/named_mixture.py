"""The mixture that a rule names, out of those that cannot be told from the best.

One way for a study, which states its rule, and for `decaymix fit`, which is given one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixtures.choice_rule import ChoiceRule, Choosable, choose, total_variation
from mixtures.mixture import Mixture
from mixtures.mixture_posterior import NUM_SAMPLES, SEED, row_of
from mixtures.own_answer import OwnAnswer, Pool, compare
from mixtures.repetition import epochs_of
from mixtures.study import StudySpec
from mixtures.surrogates.seam import Array

# How many steps from the best mean towards a mixture that the rule likes better, and how many such.
STEPS, NUM_TOWARDS = 20, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Liking:
    """A rule, and what it goes by: which of the K sources are SFT, the current mixture's shares
    (K,) where the rule needs one, and how often mixtures (P, K) read their most repeated source.
    """

    rule: ChoiceRule
    is_sft: NDArray[np.bool_]
    current: Array | None
    most_epochs: Callable[[Array], Array]


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
    """By the study's rule."""
    sources = answer.trials.sources
    current = None
    if study.recommend == "closest_to_current":
        current = row_of(study.current_mixture or {}, sources)

    def most_epochs(shares: Array) -> Array:
        named = (dict(zip(sources, row, strict=True)) for row in shares.tolist())
        return np.array([_most_epochs(study, one, available_tokens) for one in named])

    liking = Liking(
        rule=study.recommend,
        is_sft=np.array([source.kind == "sft" for source in study.sources]),
        current=current,
        most_epochs=most_epochs,
    )
    return named_by(liking, answer, NUM_SAMPLES, SEED)


def named_by(liking: Liking, answer: OwnAnswer, num_samples: int, seed: int) -> Named:
    """Out of the pool and of what lies between its best and what the rule likes better, so that the
    choice is not held to what happened to be tried; of candidates one of them.
    """
    pool = answer.chosen_from
    if liking.rule == "lowest_mean":
        return Named(pool=pool, row=pool.best.choice)
    among = _choosable(liking, answer, pool)
    if liking.rule == "most_probable":
        is_tried = np.array([name in answer.trials.point_of for name in pool.ids])
        if answer.of_candidates is not None:
            is_tried[:] = True
        tried = among.p_best > 0
        is_tied = (pool.best.is_tied | tried) & is_tried
        return Named(pool=pool, row=choose(liking.rule, replace(among, is_tied=is_tied)))
    if answer.of_candidates is not None:
        return Named(pool=pool, row=choose(liking.rule, among))
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
        num_samples,
        np.random.default_rng([seed, 4]),
    )
    return Named(pool=wider, row=choose(liking.rule, _choosable(liking, answer, wider)))


def _choosable(liking: Liking, answer: OwnAnswer, pool: Pool) -> Choosable:
    compared = answer.of_candidates or answer.of_trials
    p_best = dict(zip(compared.ids, compared.best.p_best, strict=True))
    current = liking.current
    return Choosable(
        mean=pool.mean,
        is_tied=pool.best.is_tied,
        p_best=np.array([p_best.get(name, 0.0) for name in pool.ids]),
        sft_share=pool.shares @ liking.is_sft.astype(float),
        most_epochs=liking.most_epochs(pool.shares),
        distance=np.zeros(len(pool.ids))
        if current is None
        else total_variation(pool.shares, current),
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
