"""What a seed does to all mixtures alike, taken out of scores before mixtures are compared.

In a seed block all trials read each source in one order, so a seed moves them together. Where two
mixtures have two seeds in common that part can be told from the mixtures' own:

    score = mixture + seed + noise,   seed ~ N(0, noise variance)

The mixtures are projected out, and the seeds' effects are the ridge estimate (Henderson's mixed
model equations with a variance ratio of 1): a seed that two mixtures have says less than one that
twenty have. Seeds that no two repeated mixtures share tell nothing, and nothing is taken out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    if not is_used.any():
        return SeedEffects(effects=np.zeros(len(values)), df=0.0)
    own = np.unique(mixtures[is_used], return_inverse=True)[1]
    counts = np.bincount(own)
    design = np.zeros((len(own), len(distinct)))
    design[np.arange(len(own)), at[is_used]] = 1.0
    means = np.zeros((len(counts), len(distinct)))
    np.add.at(means, own, design)
    apart = design - (means / counts[:, None])[own]
    centered = values[is_used] - (np.bincount(own, weights=values[is_used]) / counts)[own]
    solved = np.linalg.solve(apart.T @ apart + np.eye(len(distinct)), apart.T @ centered)
    return SeedEffects(effects=solved[at], df=float(np.linalg.matrix_rank(apart.T @ apart)))


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
