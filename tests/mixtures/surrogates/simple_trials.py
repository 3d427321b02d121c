"""Trials for the tests of surrogates: mixtures from a Dirichlet, targets by a known law."""

from collections.abc import Callable

import numpy as np

from mixtures.surrogates.seam import Array, Trials, assign_folds


def trials_of(
    law: Callable[[Array], Array],
    num_trials: int = 30,
    num_sources: int = 4,
    noise_sd: float = 0.0,
    seed: int = 0,
) -> Trials:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(num_sources, 0.7), size=num_trials)
    return Trials(
        shares=shares,
        targets=law(shares) + noise_sd * rng.standard_normal(num_trials),
        noise=np.ones(num_trials),
        folds=assign_folds(num_trials, 5, seed),
    )
