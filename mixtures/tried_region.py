"""The best mixture of the tried region: the convex hull of the mixtures that have scores.

Nothing outside it is recommended: there a surrogate extrapolates. Every point that is looked at is
a mixture of tried mixtures, so it is inside by construction, and no plane of the hull, of which
there are thousands at 20 sources, is ever computed.
"""

import numpy as np

from mixtures.surrogates.objective_fit import ObjectiveFit
from mixtures.surrogates.seam import Array

NUM_ROUNDS = 6
NUM_POINTS = 400
# The search moves from the best few, so that one surrogate's whim does not take all of it.
NUM_KEPT = 8


def best_of_region(fit: ObjectiveFit, tried: Array, rng: np.random.Generator) -> Array:
    """(NUM_KEPT, K): mixtures of least posterior mean that were found, best first."""
    kept = _best(fit, np.vstack([tried, _between(tried, tried, rng)]))
    reach = 1.0
    for _ in range(NUM_ROUNDS):
        kept = _best(fit, np.vstack([kept, _between(kept, tried, rng, reach)]))
        reach /= 2.0
    return kept


def _best(fit: ObjectiveFit, points: Array) -> Array:
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
