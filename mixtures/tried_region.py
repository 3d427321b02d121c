"""The best mixture of the tried region: the convex hull of the mixtures that have scores.

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
