"""The trials of each mixture, compared with another's seed by seed.

One model of noise serves intervals, differences and ties (`noise.py`): score = mixture + seed + own
noise, the own noise moderated over mixtures. A paired difference is taken over the seeds that both
mixtures have, so the seed's part cancels. Its variance is the sum of the two own variances and not
the variance of the two or three per-seed differences: those share the baseline's noise across all
rows, so that moderating them counts one look at it a dozen times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.noise import SeedNoise, Uncertainty
from mixtures.observation import Key, Observation

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class BySeed:
    """One number of one mixture, for each seed that it ran with."""

    key: Key
    by_seed: dict[int, float]

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.by_seed.values())))


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureTrials(BySeed):
    """One mixture's trials, with the objective per seed as a loss: negated where more is better."""

    trials: tuple[Observation, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    value: float
    uncertainty: Uncertainty | None
    num_pairs: int


def difference_of(a: BySeed, b: BySeed, noise: SeedNoise | None) -> Difference:
    """a - b over common seeds; over all seeds of each, and less sure, where there is none."""
    common = sorted(a.by_seed.keys() & b.by_seed.keys())
    if common:
        value = float(np.mean([a.by_seed[seed] - b.by_seed[seed] for seed in common]))
        paired = noise.of_paired_difference(a.key, b.key, common) if noise else None
        return Difference(value=value, uncertainty=paired, num_pairs=len(common))
    unpaired = noise.of_unpaired_difference(a.key, a.by_seed, b.key, b.by_seed) if noise else None
    return Difference(value=a.mean - b.mean, uncertainty=unpaired, num_pairs=0)


def interval_of(center: float, uncertainty: Uncertainty | None) -> tuple[float, float] | None:
    if uncertainty is None:
        return None
    half = uncertainty.half_width(CONFIDENCE)
    return center - half, center + half


def turned(sign: float, interval: tuple[float, float]) -> tuple[float, float]:
    """Of a loss that of the objective, or the other way round: `sign` is the objective's."""
    low, high = sorted(sign * end for end in interval)
    return low, high


def is_tied(own: MixtureTrials, mixtures: Sequence[MixtureTrials], noise: SeedNoise | None) -> bool:
    """Whether the mixture belongs to the set that holds the true best with 95 % probability.

    Subset selection (Gupta 1965, Technometrics 7(2), 225-245) with Bonferroni's bound in place of
    Gupta's constant, because variances differ: a mixture leaves the set where its difference to the
    observed best exceeds the one-sided t bound at .05 / (M - 1). While noise is unknown no
    mixture leaves.
    """
    best = mixtures[0]
    if noise is None or own.mean == best.mean:
        return True
    difference = difference_of(own, best, noise)
    assert difference.uncertainty is not None
    level = (1 - CONFIDENCE) / (len(mixtures) - 1)
    return difference.value <= difference.uncertainty.bound(1 - level)
