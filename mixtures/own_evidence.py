"""Whether trials carry an answer: the floor of evidence under a recommendation."""

import math
from dataclasses import dataclass

import numpy as np

from mixtures.late_scipy import ndtri
from mixtures.rank_correlation import rank_correlation
from mixtures.recommend_evidence import more_to_rank, more_to_tell_apart, most_of
from mixtures.surrogates.objective_fit import ObjectiveFit

# Fewer distinct mixtures than this cannot show that a surrogate predicts what it has not seen.
MIN_MIXTURES = 8
# How rarely chance alone may give the out-of-fold rank correlation.
CHANCE = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnEvidence:
    """`spearman` is None where there is nothing to rank. `shortfalls` say what is missing."""

    num_mixtures: int
    spearman: float | None
    r_squared: float | None
    coverage: float
    rmse: float
    noise_sd: float
    shortfalls: tuple[str, ...]
    more_needed: int | None = None

    @property
    def is_enough(self) -> bool:
        return not self.shortfalls


def evidence_of(
    fit: ObjectiveFit, num_tied: int, pool_size: int, clearest: float = 0.0
) -> OwnEvidence:
    """From errors on trials that were left out. A tie group of the whole pool is no answer.

    `clearest` is the most sds that one of the pool lies behind the best.
    """
    whole = np.isfinite(fit.targets)
    targets, predicted = fit.targets[whole], fit.out_of_fold[whole]
    count = len(targets)
    # Of two any order agrees or not: that says nothing.
    spearman = rank_correlation(targets, predicted) if count > 2 else None
    spread = float(np.var(targets)) if count else 0.0
    # Rounding of a constant is no spread.
    has_spread = spread > (1e-9 * (1.0 + np.abs(targets).max(initial=0.0))) ** 2
    error = float(np.mean((targets - predicted) ** 2)) if count else 0.0
    r_squared = 1.0 - error / spread if has_spread else None
    inside = np.abs(targets - predicted) <= ndtri(0.975) * fit.out_of_fold_sd[whole]
    # By shortfall, how many more mixtures it may take; None where that cannot be said.
    found: list[str] = []
    more: list[int | None] = []
    if count < MIN_MIXTURES:
        more.append(MIN_MIXTURES - count)
        found.append(f"{count} mixtures with all scores, expected {MIN_MIXTURES} or more")
    if not has_spread:
        more.append(None)
        found.append("the objective is the same at all mixtures")
    elif spearman is None or spearman <= chance_correlation(count):
        more.append(more_to_rank(count, spearman or 0.0, CHANCE))
        found.append(
            f"left-out trials are ranked at {spearman or 0.0:.2f}, chance alone reaches "
            f"{chance_correlation(count):.2f} once in 200 times"
        )
    elif r_squared is not None and r_squared <= 0.0:
        more.append(None)
        found.append("left-out trials are predicted no better than by their mean")
    if num_tied == pool_size:
        more.append(more_to_tell_apart(count, clearest, pool_size))
        found.append("no mixture can be told from the best")
    return OwnEvidence(
        num_mixtures=count,
        spearman=spearman,
        r_squared=r_squared,
        coverage=float(np.mean(inside)) if count else 0.0,
        rmse=math.sqrt(error),
        noise_sd=fit.noise_sd,
        shortfalls=tuple(found),
        more_needed=most_of(more),
    )


def chance_correlation(count: int) -> float:
    """The rank correlation of unrelated numbers that is exceeded with probability CHANCE.

    Normal, with sd 1 / sqrt(n - 1) (Kendall & Gibbons 1990, section 4.14).
    """
    return float(ndtri(1.0 - CHANCE)) / math.sqrt(max(count - 1, 1))
