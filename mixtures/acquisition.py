"""Which trial to run next, new mixture or another seed of an old one, in one currency.

The knowledge gradient for correlated beliefs (Frazier, Powell and Dayanik 2009, INFORMS Journal on
Computing 21(4), 599-613): by how much one more trial lowers, in expectation, the posterior mean of
what would be recommended after it. It counts noise, so it looks again where the leaders cannot be
told apart, as top-two and OCBA rules do. To a smooth posterior a neighbour is as good as the
mixture itself; to a reader it is not, so a repeat is taken where it is worth nearly as much.

Where no single trial can change the recommendation, the gradient is zero everywhere though several
could. Then the leader and its likeliest rival are compared (top-two expected improvement: Qin,
Klabjan and Russo 2017, NeurIPS 30), by a trial of the one that says more about their difference. A
batch is chosen one by one; trials that run count as measured, with a score not known yet: they
take variance away and move no mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.late_scipy import ndtr, ndtri
from mixtures.polytope import Array

# Quantiles of the score to come. The gain is smooth in it, and its tails matter little.
_NUM_QUANTILES = 24
_NUM_DRAWS = 256
# A repeat is worth at least this part of the gain of the best new mixture, to be taken for it.
_REPEAT_WORTH = 0.8
# The gradient decides while it is at least this part of what the likeliest rival promises.
_LEAST_GAIN = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Indices of the batch, and the gain that each was chosen for, in units of the objective."""

    indices: tuple[int, ...]
    gains: tuple[float, ...]


def choose(
    mean: Array,
    covariance: Array,
    noise_variance: float | Array,
    num: int,
    pending: Sequence[int] = (),
    allowed: NDArray[np.bool_] | None = None,
    is_repeat: NDArray[np.bool_] | None = None,
    counts: NDArray[np.bool_] | None = None,
    cost: Array | None = None,
    trained: NDArray[np.bool_] | None = None,
) -> Choice:
    """`num` of the P mixtures, each of most gain for its cost after those before it.

    `mean` (P,) and `covariance` (P, P) are of the noise-free objective, less is better, and
    `noise_variance` (P,) of one trial; `pending` are those that run now; `allowed` (P,) says which
    may be chosen, `is_repeat` (P,) which have been run before, `counts` (P,) which may be
    recommended: a shorter decay only tells of the others. `cost` (P,) is in full trials, 1 each.
    `trained` (P,) are those that have had a full trial. A mixture known to be good by short decays
    alone is recommended to nobody: a full trial of it is worth what it is better by, too.
    """
    left, noise = covariance.copy(), np.broadcast_to(noise_variance, mean.shape)
    for index in pending:
        left = _after(left, index, noise)
    indices, gains = [], []
    everything = np.ones(len(mean), dtype=bool)
    may = everything if allowed is None else allowed
    counted = everything if counts is None else counts
    price = np.ones(len(mean)) if cost is None else cost
    known = None if trained is None else trained.copy()
    for _ in range(num):
        found = knowledge_gradient(mean, left, noise, counted)
        if known is not None and (known & counted).any():
            better_by = np.min(mean[known & counted]) - mean
            found = found + np.where(counted & ~known, np.maximum(better_by, 0.0), 0.0)
        gain = np.where(may, found / price, -np.inf)
        index = int(np.argmax(gain))
        promise, rival, leader = _likeliest_rival(mean, left, counted)
        if gain[index] < _LEAST_GAIN * promise:
            index = _telling_apart(left, noise, leader, rival, may)
        elif is_repeat is not None and is_repeat.any():
            again = int(np.argmax(np.where(is_repeat, gain, -np.inf)))
            index = again if gain[again] >= _REPEAT_WORTH * gain[index] else index
        indices.append(index)
        gains.append(float(gain[index]))
        left = _after(left, index, noise)
        if known is not None:
            known[index] = True
    return Choice(indices=tuple(indices), gains=tuple(gains))


def knowledge_gradient(
    mean: Array,
    covariance: Array,
    noise_variance: float | Array,
    counts: NDArray[np.bool_] | None = None,
) -> Array:
    """(P,) expected fall of the lowest posterior mean, of those that count, by one trial at each
    mixture.
    """
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0) + noise_variance + 1e-15)
    rows = slice(None) if counts is None else counts
    means = mean[rows]
    moves = covariance[rows] / spread  # column x: how all means move with the score at x
    lowest = np.zeros(len(mean))
    quantiles = ndtri((np.arange(_NUM_QUANTILES) + 0.5) / _NUM_QUANTILES)
    for z in quantiles:
        lowest += np.min(means[:, None] + moves * z, axis=0)
    gain: Array = np.min(means) - lowest / _NUM_QUANTILES
    return np.maximum(gain, 0.0)


def expected_improvement(z: Array, sd: Array) -> Array:
    """Of normal losses with these sds whose means lie z sds below the one to beat."""
    improvement: Array = sd * (z * ndtr(z) + np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))
    return improvement


def _likeliest_rival(
    mean: Array, covariance: Array, counts: NDArray[np.bool_]
) -> tuple[float, int, int]:
    """The most expected improvement on the leader, if truth were seen; whose it is; the leader."""
    leader = int(np.argmin(np.where(counts, mean, np.inf)))
    spread = _sd_of_difference(covariance, leader)
    z = np.where(counts, (mean[leader] - mean) / spread, -np.inf)
    promise = np.where(counts, expected_improvement(np.maximum(z, -40.0), spread), -np.inf)
    promise[leader] = -np.inf
    rival = int(np.argmax(promise))
    # So far behind that the promise is 0 to the last digit: the least unlikely.
    if promise[rival] <= 0:
        z[leader] = -np.inf
        rival = int(np.argmax(z))
    return float(max(promise[rival], 0.0)), rival, leader


def _telling_apart(
    covariance: Array, noise: Array, leader: int, rival: int, may: NDArray[np.bool_]
) -> int:
    """Leader or rival, whichever trial takes more from the variance of their difference."""
    moves = covariance[rival] - covariance[leader]
    lost = moves**2 / np.maximum(np.diag(covariance) + noise, 1e-15)
    pair = [index for index in (rival, leader) if may[index]]
    # Both have run as often as may be, or run now: then what tells most about them.
    return (
        max(pair, key=lambda index: lost[index])
        if pair
        else int(np.argmax(np.where(may, lost, -np.inf)))
    )


def _sd_of_difference(covariance: Array, leader: int) -> Array:
    own = np.diag(covariance)
    return np.asarray(np.sqrt(np.maximum(own + own[leader] - 2 * covariance[leader], 1e-18)))


def expected_regret(mean: Array, covariance: Array, rng: np.random.Generator) -> float:
    """By how much the mixture of lowest mean is expected to lose to the best of the P."""
    size = len(mean)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    draws = mean + rng.standard_normal((_NUM_DRAWS, size)) @ root.T
    return float(np.mean(draws[:, int(np.argmin(mean))] - draws.min(axis=1)))


def _after(covariance: Array, index: int, noise: Array) -> Array:
    column = covariance[:, index]
    total = column[index] + noise[index]
    return np.asarray(covariance - np.outer(column, column) / max(total, 1e-15))
