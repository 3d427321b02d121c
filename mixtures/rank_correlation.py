"""How alike two columns of numbers order the same things."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def rank_correlation(a: Array, b: Array) -> float | None:
    """Spearman's; None where one side is constant, or there is nothing to order."""
    if len(a) < 2 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return None
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Array) -> Array:
    """From 1; those that are equal share the mean of their ranks.

    As scipy.stats.rankdata, whose import is 70 MB and, for the first reader of a figure, a second.
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks
