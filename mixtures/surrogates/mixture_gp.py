"""A Gaussian process over mixtures, its hyperparameters at the posterior's mode.

    target = f(mixture) + e,   f ~ GP(0, k of warped_matern.py),   e_i ~ N(0, noise * h_i)

in units of the standardised target; h_i are the trials' relative noise variances. The noise has a
prior, because without one the process interpolates it (FACTS, section 6), and where repeats tell
the noise the prior is theirs. The mode is found by L-BFGS on the log marginal likelihood's analytic
gradient (Rasmussen & Williams 2006, equations 2.30 and 5.9). Predictions of left-out folds at given
hyperparameters are closed (equations 5.10 to 5.12, for sets in place of points).

In numpy and not BoTorch: one fit at 256 trials takes half a second here (docs/decisions.md).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixtures.late_scipy import cho_solve, cholesky, solve_triangular
from mixtures.surrogates.matern import inverse_of, noise_prior
from mixtures.surrogates.seam import Array, Trials
from mixtures.surrogates.warped_matern import Kernel

JITTER = 1e-8
# How far from the prior's centre, in its sds, the mode is looked for.
REACH = 6.0
MAX_STEPS = 200
# From here on a fold's prediction at the hyperparameters of all trials costs no accuracy that
# matters, and refitting costs seconds.
CLOSED_FOLDS_FROM = 200
# The mode is found on this many trials; what is more is conditioned on. An hour of trials is well
# described by 256 of them, and the time for a step grows with the cube.
MODE_TRIALS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class GaussianProcessFit:
    """The posterior of f at the mode, and what it said of left-out trials."""

    kernel: Kernel
    parameters: Array
    shares: Array  # (N, K)
    level: float
    scale: float
    factor: Array  # (N, N) lower Cholesky factor of the covariance of targets
    alpha: Array  # (N,) its inverse times the targets
    out_of_fold: Array  # (N,)
    out_of_fold_variance: Array  # (N,) of f, noise not in it
    noise_variance: float  # of one ordinary trial

    def predict(self, shares: Array) -> tuple[Array, Array]:
        cross = self.kernel.covariance(shares, self.shares, self.parameters)
        known = solve_triangular(self.factor, cross.T, lower=True)
        variance = self.kernel.variance(self.parameters) - np.sum(known**2, axis=0)
        return self.level + self.scale * cross @ self.alpha, self.scale * _root(variance)

    def covariance(self, shares: Array) -> Array:
        """(P, P) of f at the mixtures `shares`, given the trials."""
        cross = self.kernel.covariance(shares, self.shares, self.parameters)
        known = solve_triangular(self.factor, cross.T, lower=True)
        prior = self.kernel.covariance(shares, shares, self.parameters)
        left: Array = self.scale**2 * (prior - known.T @ known)
        return left


@dataclass(frozen=True, kw_only=True, slots=True)
class GaussianProcess:
    """See `Kernel` for the two choices."""

    name: str
    has_shared_power: bool = False
    is_additive: bool = False

    def fit(self, trials: Trials) -> GaussianProcessFit:
        kernel = Kernel(
            num_sources=trials.shares.shape[1],
            has_shared_power=self.has_shared_power,
            is_additive=self.is_additive,
        )
        level, scale = float(trials.targets.mean()), float(trials.targets.std()) or 1.0
        center, sd = kernel.prior(trials.shares)
        center[kernel.noise], sd[kernel.noise] = noise_prior(
            trials.noise_variance, trials.noise_df, scale
        )
        standard = (trials.targets - level) / scale

        mode = find_mode(kernel, trials, standard, (center, sd), center)
        factor, alpha = condition(kernel, trials.shares, standard, trials.noise, mode)
        mean: Array = np.empty(len(trials))
        variance: Array = np.empty(len(trials))
        if len(trials) >= CLOSED_FOLDS_FROM:
            mean, variance = closed_folds(factor, alpha, standard, trials)
            variance -= np.exp(mode[kernel.noise]) * trials.noise + JITTER
        else:
            for kept, left_out in trials.splits():
                some = trials.take(kept)
                at = find_mode(kernel, some, standard[kept], (center, sd), mode)
                part = condition(kernel, some.shares, standard[kept], some.noise, at)
                cross = kernel.covariance(trials.shares[left_out], some.shares, at)
                known = solve_triangular(part[0], cross.T, lower=True)
                mean[left_out] = cross @ part[1]
                variance[left_out] = kernel.variance(at) - np.sum(known**2, axis=0)
        return GaussianProcessFit(
            kernel=kernel,
            parameters=mode,
            shares=trials.shares,
            level=level,
            scale=scale,
            factor=factor,
            alpha=alpha,
            out_of_fold=level + scale * mean,
            out_of_fold_variance=scale**2 * np.maximum(variance, JITTER),
            noise_variance=float(scale**2 * np.exp(mode[kernel.noise])),
        )


def find_mode(
    kernel: Kernel, trials: Trials, targets: Array, prior: tuple[Array, Array], start: Array
) -> Array:
    """The hyperparameters' logarithms of greatest posterior density, from `start` uphill."""
    rows = np.arange(len(targets))
    if len(rows) > MODE_TRIALS:
        rows = np.random.default_rng(0).choice(rows, MODE_TRIALS, replace=False)
    loss = mode_loss(kernel, trials.shares[rows], targets[rows], trials.noise[rows], prior)
    low, high = prior[0] - REACH * prior[1], prior[0] + REACH * prior[1]
    # Not above: a controller at rest does without it.
    from scipy.optimize import minimize

    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
        options={"maxiter": MAX_STEPS},
    )
    mode: Array = found.x
    return mode


def mode_loss(
    kernel: Kernel, shares: Array, targets: Array, noise: Array, prior: tuple[Array, Array]
) -> Callable[[Array], tuple[float, Array]]:
    """The negative log posterior density and its gradient, as a function of the logarithms."""
    terms = kernel.additive_terms(shares)
    center, sd = prior
    diagonal = np.diag_indices(len(targets))

    def loss(parameters: Array) -> tuple[float, Array]:
        covariance, pull = kernel.with_gradient(shares, terms, parameters)
        own_noise = np.exp(parameters[kernel.noise]) * noise
        covariance[diagonal] += own_noise + JITTER
        factor = cholesky(covariance, lower=True, check_finite=False, overwrite_a=True)
        alpha = cho_solve((factor, True), targets, check_finite=False)
        away = (parameters - center) / sd
        value = 0.5 * targets @ alpha + np.sum(np.log(np.diag(factor))) + 0.5 * away @ away
        # d(loss) / d(covariance) = (K^-1 - alpha alpha') / 2.
        slope = 0.5 * (inverse_of(factor) - np.outer(alpha, alpha))
        gradient = pull(slope)
        gradient[kernel.noise] = np.diag(slope) @ own_noise
        return float(value), gradient + away / sd

    return loss


def condition(
    kernel: Kernel, shares: Array, targets: Array, noise: Array, parameters: Array
) -> tuple[Array, Array]:
    """The lower Cholesky factor (N, N) of the targets' covariance, and alpha (N,)."""
    covariance = kernel.covariance(shares, shares, parameters)
    covariance[np.diag_indices(len(targets))] += np.exp(parameters[kernel.noise]) * noise + JITTER
    factor: Array = cholesky(covariance, lower=True)
    alpha: Array = cho_solve((factor, True), targets)
    return factor, alpha


def closed_folds(
    factor: Array, alpha: Array, targets: Array, trials: Trials
) -> tuple[Array, Array]:
    """Mean and variance, noise in it, of each trial given all that are not in its fold.

    With S the fold and P = K^-1:  mean = y_S - P_SS^-1 alpha_S,  covariance = P_SS^-1.
    """
    precision = inverse_of(factor)
    mean, variance = np.empty(len(targets)), np.empty(len(targets))
    for _, fold in trials.splits():
        block = np.linalg.inv(precision[np.ix_(fold, fold)])
        mean[fold] = targets[fold] - block @ alpha[fold]
        variance[fold] = np.diag(block)
    return mean, variance


def _root(variance: Array) -> Array:
    root: Array = np.sqrt(np.maximum(variance, JITTER))
    return root


GAUSSIAN_PROCESS = GaussianProcess(name="gp")
ADDITIVE_GAUSSIAN_PROCESS = GaussianProcess(
    name="gp_additive", has_shared_power=True, is_additive=True
)
