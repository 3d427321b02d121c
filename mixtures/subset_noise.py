"""Seeds inside subsets: how much of a score's noise is the draw of the data, and how much the seed.

Where a study has `data_seeds`, its seeds fall into that many groups, and each group's trials read
another subset of every source. A seed orders one subset's tokens, so seeds are nested in subsets:

    score = mixture + subset + seed(subset) + (mixture x subset) + rest

Subset and seed move all mixtures at once, the last two one alone. Each is estimated from its own
mean square less what the parts below it put there (Henderson's method 3 in the balanced case the
nested analysis of variance: Searle, Casella & McCulloch 1992, Variance Components, sections 3.6 and
5.2): seeds inside a cell of mixture and subset first, then the cells' means over subsets.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixtures.additive import fit_additive
from mixtures.noise import (
    MIN_DF,
    SeedNoise,
    SubsetNoise,
    Variance,
    moderated_over,
    rounding,
    seed_noise,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cells:
    """Of the C cells of mixture and subset: which, their means without the seeds' effects, and the
    variance that the rest leaves in each mean.
    """

    mixtures: NDArray[Any]
    subsets: NDArray[Any]
    means: NDArray[Any]
    noise: NDArray[Any]


def study_noise(values: Mapping[tuple[Any, int], float], data_seeds: int) -> SeedNoise | None:
    """The noise in `values`, by (mixture, seed), of a study with so many `data_seeds`.

    Without a subset's part where there is one subset, or no mixture has run in two of them, or none
    twice in one: then it cannot be told from the seed's, and stands in it.
    """
    mixtures = list(dict.fromkeys(mixture for mixture, _ in values))
    if data_seeds == 1 or len(values) == len(mixtures):
        return seed_noise(values)
    row_of = {mixture: row for row, mixture in enumerate(mixtures)}
    rows = np.array([row_of[mixture] for mixture, _ in values])
    seeds = np.array([seed for _, seed in values])
    subsets = seeds % data_seeds
    y = np.array(list(values.values()))
    cells, at = np.unique(np.stack([rows, subsets]), axis=1, return_inverse=True)
    at = at.ravel()
    if len(cells[0]) == len(y) or len(cells[0]) == len(mixtures):
        return seed_noise(values)
    used, columns = np.unique(seeds, return_inverse=True)
    within = fit_additive(at, columns, y)
    own_squares, own_df = within.left**2, within.df
    is_alone = np.all(own_df < MIN_DF)
    sizes = np.bincount(at)
    if is_alone:
        # No two mixtures share two seeds of a subset: what a seed does to all is in the rest.
        means = np.bincount(at, weights=y) / sizes
        own_squares = (y - means[at]) ** 2
        own_df = 1.0 - 1.0 / sizes[at]
    own = moderated_over(
        mixtures,
        np.bincount(rows, weights=own_squares, minlength=len(mixtures)),
        np.bincount(rows, weights=own_df, minlength=len(mixtures)),
        y,
    )
    of_rest = np.array([own[mixture].value for mixture in mixtures])
    shared = Variance(value=0.0, df=math.inf)
    if not is_alone:
        shared = _of_seeds(within.effects, columns, at, used % data_seeds, float(of_rest.mean()), y)
    without = y if is_alone else y - within.effects[columns]
    found = _Cells(
        mixtures=cells[0],
        subsets=cells[1],
        means=np.bincount(at, weights=without) / sizes,
        noise=of_rest[cells[0]] / sizes,
    )
    seeds_of = np.array([np.sum(used % data_seeds == subset) for subset in range(data_seeds)])
    return SeedNoise(
        shared=shared, own=own, subset=_of_subsets(found, shared.value, seeds_of, data_seeds, y)
    )


def _of_seeds(
    effects: NDArray[Any],
    columns: NDArray[Any],
    at: NDArray[Any],
    subsets: NDArray[Any],
    of_rest: float,
    y: NDArray[Any],
) -> Variance:
    """What a seed does to all mixtures, inside its subset: effects have mean 0 in each."""
    repeated = np.bincount(at)[at] > 1
    known = np.unique(columns[repeated])
    df = len(known) - len(np.unique(subsets[known]))
    if df <= 0:
        return Variance(value=0.0, df=math.inf)
    squares = sum(
        float(np.sum((own - own.mean()) ** 2))
        for own in (effects[known[subsets[known] == one]] for one in np.unique(subsets[known]))
    )
    sizes = np.bincount(columns, weights=repeated)[known]
    value = max(0.0, squares / df - of_rest * float(np.mean(1 / sizes)))
    return Variance(value=value if value >= rounding(y) else 0.0, df=float(df))


def _of_subsets(
    cells: _Cells, of_seed: float, seeds_of: NDArray[Any], data_seeds: int, y: NDArray[Any]
) -> SubsetNoise:
    """The two parts of a subset, from the cells' means."""
    in_several = np.bincount(cells.mixtures)[cells.mixtures] > 1
    fit = fit_additive(cells.mixtures, cells.subsets, cells.means)
    df = float(fit.df.sum())
    below = float(np.mean(of_seed / np.maximum(seeds_of, 1)))
    if df <= MIN_DF:
        # One mixture in two subsets, or none that share two: all goes by the name of own.
        sizes = np.bincount(cells.mixtures)
        means = np.bincount(cells.mixtures, weights=cells.means) / sizes
        squares = float(np.sum((cells.means - means[cells.mixtures])[in_several] ** 2))
        df = float(np.sum(1.0 - 1.0 / sizes[cells.mixtures[in_several]]))
        left = squares / df - float(np.mean(cells.noise[in_several])) - below
        return SubsetNoise(
            shared=Variance(value=0.0, df=math.inf),
            own=Variance(value=_positive(left, y), df=df),
            count=data_seeds,
        )
    rest = float(fit.df @ cells.noise / df)
    own = _positive(float(np.sum(fit.left**2)) / df - rest, y)
    known = np.unique(cells.subsets[in_several])
    sizes = np.bincount(cells.subsets, weights=in_several)[known]
    of_cell = own + float(np.mean(cells.noise[in_several]))
    moved = float(np.var(fit.effects[known], ddof=1))
    shared = moved - of_cell * float(np.mean(1 / sizes)) - below
    return SubsetNoise(
        shared=Variance(value=_positive(shared, y), df=float(len(known) - 1)),
        own=Variance(value=own, df=df),
        count=data_seeds,
    )


def _positive(value: float, y: NDArray[Any]) -> float:
    return value if value > rounding(y) else 0.0
