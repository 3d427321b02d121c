"""The best mixture of the tried region, and those that may be it as well: the convex hull of the
mixtures that have scores.

Nothing outside it is recommended: there a surrogate extrapolates. Every point that is looked at is
a mixture of tried mixtures, so it is inside by construction, and no plane of the hull, of which
there are thousands at 20 sources, is ever computed.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mixtures.surrogates.objective_fit import ObjectiveFit
from mixtures.surrogates.seam import Array

NUM_ROUNDS = 6
NUM_POINTS = 400
# The search moves from the best few, so that one surrogate's whim does not take all of it.
NUM_KEPT = 8
# Where else the best may lie: points that draws of the posterior choose among. Without them the
# draws could only choose among trials and NUM_KEPT twins of the best, and a best share of 55.8 %
# was said to lie between 55.8 and 55.9 % (403 trials, 11 sources).
NUM_CONTENDERS = 400
# A mean that lies so many sds of a difference behind the best one's is not the best.
CONTENDER_SDS = 3.0
# A share this far from the hull is on it: the rounding of written decimals.
HULL_TOLERANCE = 1e-6
SUM_WEIGHT = 10.0

Allowed = Callable[[Array], NDArray[np.bool_]]


def best_of_region(
    fit: ObjectiveFit, tried: Array, rng: np.random.Generator, is_allowed: Allowed | None = None
) -> Array:
    """(NUM_KEPT, K): mixtures of least posterior mean that were found, best first.

    With `is_allowed`, a mask of (P, K) mixtures, none that it rules out; one of `tried` is allowed.
    """
    kept = _best(fit, np.vstack([tried, _between(tried, tried, rng)]), is_allowed)
    reach = 1.0
    for _ in range(NUM_ROUNDS):
        kept = _best(fit, np.vstack([kept, _between(kept, tried, rng, reach)]), is_allowed)
        reach /= 2.0
    return kept


def contenders_of_region(
    fit: ObjectiveFit,
    best: Array,
    tried: Array,
    rng: np.random.Generator,
    is_allowed: Allowed | None = None,
) -> Array:
    """(P, K), at most NUM_CONTENDERS: mixtures that may be better than `best` (K,), spread over all
    of the region where there are any.

    Starts near and far, from the best and from whatever may be better, and ends with the points
    that lie farthest from each other: draws of the posterior then choose by what is known of the
    objective, not by where the search happened to look.
    """
    found = _may_be_best(fit, best, np.vstack([tried, _between(tried, tried, rng)]), is_allowed)
    reach = 1.0
    for _ in range(NUM_ROUNDS):
        starts = np.vstack([best[None, :], found])
        more = np.vstack(
            [_between(best[None, :], tried, rng, reach), _between(starts, tried, rng, reach)]
        )
        found = np.vstack([found, _may_be_best(fit, best, more, is_allowed)])
        reach /= 2.0
    return found[_farthest(found, best, NUM_CONTENDERS)]


def _may_be_best(
    fit: ObjectiveFit, best: Array, points: Array, is_allowed: Allowed | None
) -> Array:
    """Those of `points` whose means are within CONTENDER_SDS of a difference of the best one's."""
    if is_allowed is not None:
        points = points[is_allowed(points)]
    mean, sd = fit.predict(np.vstack([best, points]))
    behind, spread = mean[1:] - mean[0], np.hypot(sd[1:], sd[0])
    found: Array = points[behind <= CONTENDER_SDS * spread]
    return found


def _farthest(points: Array, start: Array, num: int) -> NDArray[np.intp]:
    """At most `num` rows: each is the one farthest from `start` and from those before it (the
    greedy k-center rule: Gonzalez 1985, Theoretical Computer Science 38)."""
    distance = np.linalg.norm(points - start, axis=1)
    chosen: list[int] = []
    while len(chosen) < min(num, len(points)):
        row = int(np.argmax(distance))
        if distance[row] <= 0.0:
            break
        chosen.append(row)
        distance = np.minimum(distance, np.linalg.norm(points - points[row], axis=1))
    return np.array(chosen, dtype=np.intp)


def is_inside(points: Array, tried: Array) -> NDArray[np.bool_]:
    """(P,): whether each of `points` (P, K) is a mixture of `tried` (N, K), to HULL_TOLERANCE.

    A non-negative least squares problem each: the weights of tried mixtures that come nearest. A
    tenth of the time of a linear program, and best shares by composition ask it of hundreds.
    """
    from scipy.optimize import nnls

    low, high = tried.min(axis=0) - HULL_TOLERANCE, tried.max(axis=0) + HULL_TOLERANCE
    found: NDArray[np.bool_] = ((points >= low) & (points <= high)).all(axis=1)
    # That the weights sum to 1 is a row of its own, heavy enough to be kept.
    system = np.vstack([tried.T, np.full(len(tried), SUM_WEIGHT)])
    for row in np.flatnonzero(found):
        _, distance = nnls(system, np.append(points[row], SUM_WEIGHT))
        found[row] = distance <= HULL_TOLERANCE
    return found


def _best(fit: ObjectiveFit, points: Array, is_allowed: Allowed | None) -> Array:
    if is_allowed is not None:
        points = points[is_allowed(points)]
    mean, _ = fit.predict(points)
    best: Array = points[np.argsort(mean, kind="stable")[:NUM_KEPT]]
    return best


def _between(starts: Array, ends: Array, rng: np.random.Generator, reach: float = 1.0) -> Array:
    """(NUM_POINTS, K) on lines from a start to an end, at most `reach` of the way."""
    a = starts[rng.integers(len(starts), size=NUM_POINTS)]
    b = ends[rng.integers(len(ends), size=NUM_POINTS)]
    way = reach * rng.random((NUM_POINTS, 1))
    points: Array = (1.0 - way) * a + way * b
    return points
