"""Which mixtures lie inside the convex hull of those that were tried.

Outside a surrogate extrapolates. A point is inside where it is itself a mixture of tried mixtures:
a non-negative least squares problem, so no plane of the hull is ever computed.
"""

import numpy as np
from numpy.typing import NDArray

from mixtures.surrogates.seam import Array

# Largest distance of a share from the nearest mixture of tried ones: decimals are rounded.
TOLERANCE = 1e-6


def inside_hull(points: Array, tried: Array) -> NDArray[np.bool_]:
    """(Q,) of the points (Q, K); `tried` (P, K)."""
    # Imported here: SciPy takes half a second.
    from scipy.optimize import nnls

    # The weights' sum is a row of its own, heavy enough to be kept.
    system = np.vstack([tried.T, np.full(len(tried), 10.0)])
    found = np.empty(len(points), dtype=bool)
    for place, point in enumerate(points):
        _, distance = nnls(system, np.append(point, 10.0))
        found[place] = distance <= TOLERANCE
    return found
