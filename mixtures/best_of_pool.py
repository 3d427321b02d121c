"""What joint draws of the objective say about the best of a pool of mixtures.

All figures come from one matrix of draws, so they agree with each other: probabilities sum to 1
over the pool, and a regret is measured against each draw's own best. Losses: less is better.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.surrogates.seam import Array

# The tie group holds the best with this probability, and whatever cannot be told from the choice.
TIE_CONFIDENCE = 0.95
# Mixtures whose bounds at this many sds stay above the best one's are never the best, and are not
# drawn; nor are more than MAX_DRAWN, since a covariance grows with the square.
REACH = 5.0
MAX_DRAWN = 1_000
# In units of the largest variance: the rounding of a covariance that is nearly singular.
JITTER = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class BestOfPool:
    """`p_best` and `expected_regret` are (P,); `is_tied` (P,) marks the tie group; `choice` is the
    least posterior mean; `best` (S,) is each draw's best.
    """

    p_best: Array
    expected_regret: Array
    is_tied: NDArray[np.bool_]
    choice: int
    best: NDArray[np.intp]


def contenders(mean: Array, sd: Array, k: int = 1) -> NDArray[np.intp]:
    """The rows that may be among the k best, at most MAX_DRAWN; the least mean comes first."""
    low, high = mean - REACH * sd, mean + REACH * sd
    order = np.argsort(low, kind="stable")
    order = order[low[order] <= np.sort(high)[min(k, len(high)) - 1]]
    choice = int(np.argmin(mean))
    return np.concatenate([[choice], order[order != choice]])[:MAX_DRAWN]


def draw(
    mean: Array,
    covariance: Array,
    num_draws: int,
    rng: np.random.Generator,
    df: float = math.inf,
) -> Array:
    """(S, P) joint draws with this covariance, Student's t where `df`, above 2, is finite."""
    scale = float(np.diag(covariance).max(initial=0.0))
    if scale <= 0.0:
        return np.tile(mean, (num_draws, 1))
    jitter = JITTER * scale
    # The rounding grows with the pool; what is added stays far below what the sds mean.
    while True:
        try:
            factor = np.linalg.cholesky(covariance + jitter * np.eye(len(mean)))
            break
        except np.linalg.LinAlgError:
            jitter *= 10
            if jitter > scale:
                raise
    away: Array = rng.standard_normal((num_draws, len(mean))) @ factor.T
    if math.isfinite(df):
        # A covariance known with df degrees of freedom is too large or too small for a whole draw.
        away *= np.sqrt((df - 2.0) / rng.chisquare(df, size=(num_draws, 1)))
    drawn: Array = mean + away
    return drawn


def sd_of_difference(covariance: Array) -> float:
    """Of two mixtures, from their covariance (2, 2)."""
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    # What is left of two equal mixtures is rounding.
    return float(np.sqrt(variance)) if variance > 1e-12 * covariance[0, 0] else 0.0


def best_of_pool(mean: Array, draws: Array, drawn: NDArray[np.intp]) -> BestOfPool:
    """`mean` (P,) of the pool; `draws` (S, D) of its rows `drawn` (D,), which hold the choice."""
    choice = int(np.argmin(mean))
    least = draws.min(axis=1, keepdims=True)
    # Where several are equal to the last bit, as with a constant metric, each is as good.
    is_least = draws <= least
    share = is_least / is_least.sum(axis=1, keepdims=True)
    p_best = np.zeros(len(mean))
    p_best[drawn] = share.mean(axis=0)
    regret = np.full(len(mean), np.inf)
    regret[drawn] = (draws - least).mean(axis=0)
    rest = np.setdiff1d(np.arange(len(mean)), drawn)
    # Not drawn because it is never the best: its regret is what the means say.
    regret[rest] = mean[rest] - float(least.mean())
    return BestOfPool(
        p_best=p_best,
        expected_regret=regret,
        is_tied=tie_group(p_best, draws, drawn, choice),
        choice=choice,
        best=drawn[np.argmin(draws, axis=1)],
    )


def tie_group(
    p_best: Array, draws: Array, drawn: NDArray[np.intp], choice: int
) -> NDArray[np.bool_]:
    """(P,): the smallest set with TIE_CONFIDENCE of the probability of the best, and all that beat
    the choice in half of 1 - TIE_CONFIDENCE of the draws or more.

    The first alone would leave out a twin of the choice that is always a hair behind it; the second
    alone would leave out many mixtures each of which may be the best. Half, because of two equal
    mixtures the one that noise favours is the choice: the test is two-sided.
    """
    is_tied = np.zeros(len(p_best), dtype=bool)
    order = np.argsort(-p_best, kind="stable")
    needed = int(np.searchsorted(np.cumsum(p_best[order]), TIE_CONFIDENCE - 1e-12)) + 1
    is_tied[order[:needed]] = True
    place = int(np.flatnonzero(drawn == choice)[0])
    beats = (draws <= draws[:, [place]]).mean(axis=0)
    is_tied[drawn[beats >= (1.0 - TIE_CONFIDENCE) / 2]] = True
    return is_tied
