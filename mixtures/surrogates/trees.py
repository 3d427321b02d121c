"""Boosted trees (LightGBM), with settings for dozens of trials and not for thousands.

RegMix's own settings leave `min_child_samples` at 20, so below 40 trials no split is possible and
the prediction is a constant (FACTS, section 6). Trees see interactions and thresholds that smooth
models do not, and rank extremes badly; the stack gives them what they earn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.seam import Array, PointFit, Trials

NUM_TREES, NUM_LEAVES, MIN_CHILD_SAMPLES, LEARNING_RATE = 150, 8, 3, 0.08


@dataclass(frozen=True, kw_only=True, slots=True)
class Trees:
    """One ensemble per target; one thread and no sampling, so the same twice."""

    name: str = "lightgbm"

    def fit(self, trials: Trials) -> PointFit:
        out_of_fold = np.empty(len(trials))
        for kept, left_out in trials.splits():
            out_of_fold[left_out] = self._learn(trials.take(kept))(trials.shares[left_out])
        rmse = float(np.sqrt(np.mean((out_of_fold - trials.targets) ** 2)))
        return PointFit(mean=self._learn(trials), out_of_fold=out_of_fold, rmse=rmse)

    def _learn(self, trials: Trials) -> Callable[[Array], Array]:
        # Imported here: it takes half a second, and most of this package does without.
        import lightgbm

        parameters = {
            "objective": "regression",
            "num_leaves": NUM_LEAVES,
            "min_data_in_leaf": MIN_CHILD_SAMPLES,
            "learning_rate": LEARNING_RATE,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": 0,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(trials.shares, label=trials.targets, weight=trials.weights)
        booster = lightgbm.train(parameters, data, num_boost_round=NUM_TREES)
        return lambda shares: np.asarray(booster.predict(shares, num_threads=1), dtype=float)
