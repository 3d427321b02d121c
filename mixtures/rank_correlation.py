"""How alike two columns of numbers order the same things."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def rank_correlation(a: Array, b: Array) -> float | None:
    """Spearman's; None where one side is constant, or there is nothing to order."""
    if len(a) < 2 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return None
    # Not above: scipy.stats is 70 MB, which a controller at rest does without.
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
