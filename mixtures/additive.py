"""score = mixture + seed + rest, by least squares, for thousands of trials.

The mixtures are projected out first: what is left is a system of the size of the seeds, where a
pseudo-inverse over mixtures and seeds grows with the cube of both (20 s at 2,000 mixtures).
A trial of a mixture that ran once is met exactly and says nothing of the seeds, so only the others
go in. Where seeds fall into groups that no mixture joins, each group's effects have mean zero.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdditiveFit:
    """Of N trials of M mixtures on S seeds.

    `left` (N,) are the residuals; `df` (N,) is the part of a degree of freedom that each leaves (1
    less its leverage); `effects` (S,) of the seeds, 0 for those that no repeated mixture has.
    """

    left: Array
    df: Array
    effects: Array


def fit_additive(
    mixtures: NDArray[np.int64], seeds: NDArray[np.int64], values: Array
) -> AdditiveFit:
    """`mixtures` and `seeds` (N,) number each trial's from 0, `values` (N,) are its scores."""
    num_seeds = int(seeds.max()) + 1
    rows = np.flatnonzero(np.bincount(mixtures)[mixtures] > 1)
    left, df, effects = np.zeros(len(values)), np.zeros(len(values)), np.zeros(num_seeds)
    if not len(rows):
        return AdditiveFit(left=left, df=df, effects=effects)
    own = np.unique(mixtures[rows], return_inverse=True)[1]
    counts = np.bincount(own)
    used, at = np.unique(seeds[rows], return_inverse=True)
    design = np.zeros((len(rows), len(used)))
    design[np.arange(len(rows)), at] = 1.0
    apart = design - _means(own, counts, design)
    centered = values[rows] - _means(own, counts, values[rows, None])[:, 0]
    inverse = np.linalg.pinv(apart.T @ apart, rcond=1e-10, hermitian=True)
    found = inverse @ (apart.T @ centered)
    left[rows] = centered - apart @ found
    df[rows] = 1.0 - 1.0 / counts[own] - np.sum((apart @ inverse) * apart, axis=1)
    effects[used] = found
    return AdditiveFit(left=left, df=df, effects=effects)


def _means(own: NDArray[np.int64], counts: NDArray[np.int64], values: Array) -> Array:
    """(n, k) of each row's mixture."""
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, own, values)
    means: Array = (sums / counts[:, None])[own]
    return means
