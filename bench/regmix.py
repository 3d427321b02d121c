"""RegMix's published runs, and its own way to predict them: what `recommender.py` measures on."""

import csv
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np

from mixtures.surrogates.seam import Array, Trials, assign_folds

PILE_CC, MEAN = "pile_cc", "mean of 13"


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    shares: Array  # (512, 17)
    losses: Array  # (512, 13)
    held_out: Array  # (256, 17)
    losses_1m: Array  # (256, 13)
    losses_60m: Array  # (256, 13), of the same mixtures
    pile_cc: int


def read_runs(folder: Path) -> Runs:
    """Shares are rounded to three digits, so they are brought to a sum of 1."""
    losses, names = read_csv(folder / "train_pile_loss_1m.csv")
    shares = read_csv(folder / "train_mixture_1m.csv")[0]
    held_out = read_csv(folder / "test_mixture_1m.csv")[0]
    return Runs(
        shares=shares / shares.sum(axis=1, keepdims=True),
        losses=losses,
        held_out=held_out / held_out.sum(axis=1, keepdims=True),
        losses_1m=read_csv(folder / "test_pile_loss_1m.csv")[0],
        losses_60m=read_csv(folder / "test_pile_loss_60m.csv")[0],
        pile_cc=names.index("metric/the_pile_pile_cc_val_loss"),
    )


def read_csv(path: Path) -> tuple[Array, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return np.array(rows, dtype=float)[:, 1:], header[1:]


def subset_trials(runs: Runs, size: int, subset: int) -> tuple[Array, list[Trials]]:
    """Rows of the 512, and a target per domain."""
    rows = np.random.default_rng(subset).permutation(len(runs.shares))[:size]
    folds = assign_folds(size, 5, 0)
    trials = [
        Trials(shares=runs.shares[rows], targets=column, noise=np.ones(size), folds=folds)
        for column in runs.losses[rows].T
    ]
    return rows, trials


def of_target(losses: Array, target: str, runs: Runs) -> Array:
    return losses[:, runs.pile_cc] if target == PILE_CC else losses.mean(axis=1)


def regret(predicted: Array, truth: Array) -> float:
    """0 for the best of the pool, 1 for its median; a constant prediction takes the first."""
    best = truth.min()
    return float((truth[np.argmin(predicted)] - best) / (np.median(truth) - best))


def regmix_lightgbm(runs: Runs, rows: Array) -> Array:
    """RegMix's settings, without its early stopping on the test set."""
    parameters = {"learning_rate": 0.01, "num_threads": 1, "seed": 42, "verbosity": -1}
    return np.column_stack(
        [
            lightgbm.train(
                {"objective": "regression", **parameters},
                lightgbm.Dataset(runs.shares[rows], label=column),
                num_boost_round=1000,
            ).predict(runs.held_out)
            for column in runs.losses[rows].T
        ]
    )
