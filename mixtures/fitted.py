"""The posterior of one objective of a study, whichever surrogate stands behind it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixtures.best_of_pool import draw
from mixtures.surrogates.objective_fit import ObjectiveFit
from mixtures.surrogates.seam import Array
from mixtures.surrogates.share_gp import ShareFit


class Fitted(Protocol):
    """The posterior of one weighting of benchmarks."""

    def draws(self, shares: Array, num_draws: int, seed: int) -> Array:
        """(S, P) joint draws of the noise-free loss at the mixtures `shares` (P, K)."""

    def joint(self, shares: Array) -> tuple[Array, Array]:
        """Mean (P,) and covariance (P, P) of the noise-free loss."""

    @property
    def out_of_fold_errors(self) -> Array:
        """(N,) measured less predicted, of mixtures or trials that the prediction has not seen."""

    @property
    def r_squared(self) -> float | None:
        """1 - squared errors out of fold over squared distances to the mean; None without any."""


@dataclass(frozen=True)
class LineFitted:
    """Over the SFT share alone; `is_sft` (K,) marks the sources that it sums."""

    fit: ShareFit
    is_sft: NDArray[np.bool_]

    def draws(self, shares: Array, num_draws: int, seed: int) -> Array:
        at, back = np.unique(self.sft_shares(shares), return_inverse=True)
        drawn: Array = self.fit.draws(at, num_draws, seed)[:, back]
        return drawn

    def joint(self, shares: Array) -> tuple[Array, Array]:
        """The covariance is that of 4,000 draws, scaled to the sds that the fit has exactly."""
        at, back = np.unique(self.sft_shares(shares), return_inverse=True)
        mean, sd = self.fit.curve(at)
        drawn = self.fit.draws(at, 4000, 0)
        covariance = np.atleast_2d(np.cov(drawn, rowvar=False))
        scale = sd / np.maximum(np.sqrt(np.diag(covariance)), np.finfo(float).tiny)
        covariance = covariance * np.outer(scale, scale)
        return mean[back], covariance[np.ix_(back, back)]

    def sft_shares(self, shares: Array) -> Array:
        found: Array = np.clip(shares[:, self.is_sft].sum(axis=1), 0.0, 1.0).round(12)
        return found

    @cached_property
    def _out_of_fold(self) -> tuple[Array, float | None]:
        found = self.fit.out_of_fold()
        return self.fit.values[found.trials] - found.mean, found.r_squared

    @property
    def out_of_fold_errors(self) -> Array:
        return self._out_of_fold[0]

    @property
    def r_squared(self) -> float | None:
        return self._out_of_fold[1]


@dataclass(frozen=True)
class StackFitted:
    """Over the shares of all sources."""

    fit: ObjectiveFit

    def draws(self, shares: Array, num_draws: int, seed: int) -> Array:
        rng = np.random.default_rng(seed)
        return draw(*self.fit.joint(shares), num_draws, rng, self.fit.calibration.df)

    def joint(self, shares: Array) -> tuple[Array, Array]:
        return self.fit.joint(shares)

    @property
    def out_of_fold_errors(self) -> Array:
        errors: Array = self.fit.targets - self.fit.out_of_fold
        return errors

    @property
    def r_squared(self) -> float | None:
        return r_squared(self.fit.targets, self.fit.out_of_fold)


def r_squared(measured: Array, predicted: Array) -> float | None:
    """None where all that was measured is one number, or there is nothing."""
    if not len(measured) or is_constant(measured):
        return None
    spread = float(np.sum((measured - measured.mean()) ** 2))
    return 1.0 - float(np.sum((measured - predicted) ** 2)) / spread


def is_constant(values: Array) -> bool:
    """Up to the rounding of sums."""
    return bool(np.ptp(values) <= 1e-12 * (1.0 + np.abs(values).max()))
