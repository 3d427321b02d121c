"""The seam between surrogates and those who use them: targets at mixtures in, a fit out.

A surrogate is one file with one class. It never sees names, directions or aggregates: rows of
shares, one number a row, and how much each number weighs. `stack.py` weighs surrogates by the
errors of `Fit.out_of_fold`, so these must be of rows that the prediction has not seen, and all
surrogates of a stack get the same folds.

Nothing here draws, waits or keeps state, so a whole fit can run in a child process that is given
arrays and sends arrays back.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trials:
    """N distinct mixtures of K sources and what was measured there. Targets are losses: less is
    better.

    `noise` is the variance of each target's noise against that of one ordinary trial: 1 / r where a
    target is the mean of r repeats. `folds` says with which others a row is left out. Where repeats
    tell it, `noise_variance` is that of one ordinary trial, known with `noise_df` degrees of
    freedom.
    """

    shares: Array  # (N, K), rows sum to 1
    targets: Array  # (N,)
    noise: Array  # (N,), above 0
    folds: NDArray[np.int64]  # (N,)
    noise_variance: float = 0.0
    noise_df: float = 0.0

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: Rows) -> "Trials":
        """The trials `rows`, in that order."""
        return Trials(
            shares=self.shares[rows],
            targets=self.targets[rows],
            noise=self.noise[rows],
            folds=self.folds[rows],
            noise_variance=self.noise_variance,
            noise_df=self.noise_df,
        )

    def splits(self) -> Iterator[tuple[Rows, Rows]]:
        """(kept, left out) per fold."""
        for fold in np.unique(self.folds):
            is_out = self.folds == fold
            yield np.flatnonzero(~is_out), np.flatnonzero(is_out)

    @property
    def weights(self) -> Array:
        """(N,) inverse noise variances, with mean 1."""
        precision: Array = 1.0 / self.noise
        weights: Array = precision / precision.mean()
        return weights


class Fit(Protocol):
    """What was learned of one target."""

    @property
    def out_of_fold(self) -> Array:
        """(N,) the prediction of each trial by a fit that has not seen it."""

    def predict(self, shares: Array) -> tuple[Array, Array]:
        """Mean and sd, (P,) each, of the noise-free target at the mixtures `shares` (P, K).

        A surrogate without a posterior gives its out-of-fold error as sd, the same everywhere.
        """


class Surrogate(Protocol):
    """One kind of model; without state, so one object fits any number of targets."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def fit(self, trials: Trials) -> Fit:
        """Deterministic in `trials`."""


@runtime_checkable
class PosteriorFit(Fit, Protocol):
    """A fit that knows how its errors at two mixtures go together."""

    @property
    def out_of_fold_variance(self) -> Array:
        """(N,) of the noise-free target where `out_of_fold` predicts it."""

    def covariance(self, shares: Array) -> Array:
        """(P, P) of the noise-free target at the mixtures `shares`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """A prediction as functions of shares (P, K): means (P,), and a spread (P, R), which times its
    transpose is their covariance.
    """

    mean: Callable[[Array], Array]
    spread: Callable[[Array], Array]


@dataclass(frozen=True, kw_only=True, slots=True)
class PointFit:
    """The fit of a surrogate that gives means alone."""

    mean: Callable[[Array], Array]
    out_of_fold: Array
    rmse: float

    def predict(self, shares: Array) -> tuple[Array, Array]:
        mean = self.mean(shares)
        return mean, np.full(len(mean), self.rmse)


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedFit:
    """The fit of a surrogate whose parameters have a normal posterior."""

    learned: Learned
    out_of_fold: Array
    out_of_fold_variance: Array

    def predict(self, shares: Array) -> tuple[Array, Array]:
        spread = self.learned.spread(shares)
        return self.learned.mean(shares), np.sqrt(np.sum(spread**2, axis=1))

    def covariance(self, shares: Array) -> Array:
        spread = self.learned.spread(shares)
        covariance: Array = spread @ spread.T
        return covariance


def fit_with_folds(trials: Trials, learn: Callable[[Trials], Learned]) -> LearnedFit:
    """`learn` on all trials, and anew without each fold."""
    out_of_fold, variance = np.empty(len(trials)), np.empty(len(trials))
    for kept, left_out in trials.splits():
        of_fold = learn(trials.take(kept))
        out_of_fold[left_out] = of_fold.mean(trials.shares[left_out])
        variance[left_out] = np.sum(of_fold.spread(trials.shares[left_out]) ** 2, axis=1)
    return LearnedFit(learned=learn(trials), out_of_fold=out_of_fold, out_of_fold_variance=variance)


def bounded(spread: Array, scale: float) -> Array:
    """Rows (P, R) no longer than `scale`, the sd of the targets: a curved law that 16 trials hardly
    know is not known at all far from them, and a straight line from here to there says nothing.
    """
    sds = np.sqrt(np.sum(spread**2, axis=1, keepdims=True))
    shorter: Array = spread * np.minimum(1.0, scale / np.maximum(sds, np.finfo(float).tiny))
    return shorter


def assign_folds(num_trials: int, num_folds: int, seed: int) -> NDArray[np.int64]:
    """(num_trials,) fold of each row: sizes differ by at most one, the order is drawn by `seed`."""
    folds = np.arange(num_trials, dtype=np.int64) % min(num_folds, num_trials)
    return np.random.default_rng(seed).permutation(folds)
