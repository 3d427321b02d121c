"""What a seed does to all mixtures alike, taken out of scores before mixtures are compared.

In a seed block all trials read each source in one order, so a seed moves them together. Where two
mixtures have two seeds in common that part can be told from the mixtures' own (`additive.py`). Its
estimate from few mixtures is noisy, so it is drawn to zero by as much as its own noise is of it:

    tau^2 = var(effects) - mean(s^2 / m),   kept is tau^2 / (tau^2 + s^2 / m)

with s^2 the variance left and m the number of mixtures with the seed (moments for a random effect,
Searle, Casella & McCulloch 1992, Variance Components, section 3.6). Seeds that no two repeated
mixtures share tell nothing, and nothing is taken out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.additive import fit_additive
from mixtures.surrogates.seam import Array


@dataclass(frozen=True, kw_only=True, slots=True)
class SeedEffects:
    """`effects` (N,) of each trial's seed; `df` of the repeats' degrees of freedom went to them."""

    effects: Array
    df: float


def seed_effects(mixtures: NDArray[np.int64], seeds: Sequence[int], values: Array) -> SeedEffects:
    """`mixtures` (N,) numbers the mixture of each trial, `values` (N,) are its scores."""
    distinct, at = np.unique(np.array(seeds, dtype=np.int64), return_inverse=True)
    is_used = _shared(mixtures, at)
    none = SeedEffects(effects=np.zeros(len(values)), df=0.0)
    if not is_used.any():
        return none
    rows = np.unique(mixtures[is_used], return_inverse=True)[1]
    columns = np.unique(at[is_used], return_inverse=True)[1]
    fit = fit_additive(rows, columns, values[is_used])
    df = float(fit.df.sum())
    spent = len(rows) - len(np.unique(rows)) - df
    if df < 0.5:
        return none
    own = float((fit.left**2).sum()) / df / np.bincount(columns)
    between = max(0.0, float(np.var(fit.effects, ddof=1) - own.mean()))
    if between == 0.0:
        return none
    effects = np.zeros(len(distinct))
    effects[np.unique(at[is_used])] = fit.effects * between / (between + own)
    return SeedEffects(effects=effects[at], df=spent)


def _shared(mixtures: NDArray[np.int64], seeds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Trials of a mixture with several seeds, each of which another such mixture has too."""
    is_used = np.ones(len(mixtures), dtype=bool)
    while True:
        of_mixture = np.bincount(mixtures[is_used], minlength=mixtures.max() + 1)[mixtures]
        of_seed = np.bincount(seeds[is_used], minlength=seeds.max() + 1)[seeds]
        kept = is_used & (of_mixture > 1) & (of_seed > 1)
        if (kept == is_used).all():
            return kept
        is_used = kept
