"""The process against scikit-learn's, its gradient and its folds against the long way."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from mixtures.surrogates import mixture_gp
from mixtures.surrogates.mixture_gp import (
    ADDITIVE_GAUSSIAN_PROCESS,
    GAUSSIAN_PROCESS,
    closed_folds,
    condition,
    mode_loss,
)
from mixtures.surrogates.seam import Array, Trials
from mixtures.surrogates.warped_matern import ADDITIVE_LENGTH, SMALLEST_SHARE, Kernel
from tests.mixtures.surrogates.simple_trials import trials_of


def bent(shares: Array) -> Array:
    values: Array = np.sqrt(shares[:, 0]) - shares[:, 1] ** 2 + shares[:, 2] * shares[:, 3]
    return values


def kernel_and_parameters(is_additive: bool) -> tuple[Kernel, Array]:
    kernel = Kernel(num_sources=4, has_shared_power=is_additive, is_additive=is_additive)
    parameters = np.random.default_rng(1).normal(-0.5, 0.4, size=kernel.additive.stop)
    return kernel, parameters


def sklearn_covariance(a: Array, b: Array, kernel: Kernel, parameters: Array) -> Array:
    """The formula of warped_matern.py, with scikit-learn's Matern."""
    values = np.exp(parameters)
    powers, lengths = values[kernel.powers], values[: kernel.num_sources]
    warped = [(one + SMALLEST_SHARE) ** powers for one in (a, b)]
    total = 0.3 + values[kernel.signal] * Matern(length_scale=lengths, nu=2.5)(*warped)
    for k, variance in enumerate(values[kernel.additive]):
        column = [np.sqrt(one[:, [k]]) for one in (a, b)]
        total = total + variance * Matern(length_scale=ADDITIVE_LENGTH, nu=2.5)(*column)
    covariance: Array = total
    return covariance


@pytest.mark.parametrize("is_additive", [False, True])
def test_the_covariance_is_sklearns_matern_on_warped_shares(is_additive: bool) -> None:
    kernel, parameters = kernel_and_parameters(is_additive)
    shares = trials_of(bent).shares
    ours = kernel.covariance(shares[:20], shares[5:], parameters)
    assert ours == pytest.approx(sklearn_covariance(shares[:20], shares[5:], kernel, parameters))
    own, _ = kernel.with_gradient(shares, kernel.additive_terms(shares), parameters)
    assert own == pytest.approx(kernel.covariance(shares, shares, parameters))
    assert np.diag(own) == pytest.approx(np.full(30, kernel.variance(parameters)))


@pytest.mark.parametrize("is_additive", [False, True])
def test_the_gradient_is_that_of_differences(is_additive: bool) -> None:
    kernel, parameters = kernel_and_parameters(is_additive)
    trials = trials_of(bent, num_trials=12)
    noise = np.linspace(0.3, 2.0, 12)
    loss = mode_loss(kernel, trials.shares, trials.targets, noise, kernel.prior(trials.shares))
    error = check_grad(lambda p: loss(p)[0], lambda p: loss(p)[1], parameters, epsilon=1e-6)
    assert error < 1e-3
    assert np.linalg.norm(loss(parameters)[1]) > 1.0


def test_the_marginal_likelihood_and_the_posterior_are_sklearns() -> None:
    kernel, parameters = kernel_and_parameters(False)
    parameters[kernel.powers] = 0.0  # power 1: scikit-learn then sees the shares themselves
    trials = trials_of(bent)
    values = np.exp(parameters)
    reference = GaussianProcessRegressor(
        ConstantKernel(0.3)
        + ConstantKernel(values[kernel.signal])
        * Matern(length_scale=values[: kernel.num_sources], nu=2.5),
        alpha=values[kernel.noise] + mixture_gp.JITTER,
        optimizer=None,
    ).fit(trials.shares, trials.targets)
    center, sd = kernel.prior(trials.shares)
    loss = mode_loss(kernel, trials.shares, trials.targets, trials.noise, (center, sd))
    ours = -loss(parameters)[0] + 0.5 * np.sum(((parameters - center) / sd) ** 2)
    assert ours - 15.0 * np.log(2 * np.pi) == pytest.approx(
        reference.log_marginal_likelihood(reference.kernel_.theta)
    )
    new = np.random.default_rng(5).dirichlet(np.ones(4), size=7)
    _, alpha = condition(kernel, trials.shares, trials.targets, trials.noise, parameters)
    mean = kernel.covariance(new, trials.shares, parameters) @ alpha
    assert mean == pytest.approx(reference.predict(new))


def test_closed_folds_are_what_conditioning_on_the_other_folds_gives() -> None:
    kernel, parameters = kernel_and_parameters(True)
    trials = trials_of(bent, noise_sd=0.1)
    factor, alpha = condition(kernel, trials.shares, trials.targets, trials.noise, parameters)
    mean, variance = closed_folds(factor, alpha, trials.targets, trials)
    for kept, out in trials.splits():
        _, part = condition(
            kernel, trials.shares[kept], trials.targets[kept], trials.noise[kept], parameters
        )
        cross = kernel.covariance(trials.shares[out], trials.shares[kept], parameters)
        assert mean[out] == pytest.approx(cross @ part)
        inner = kernel.covariance(trials.shares[kept], trials.shares[kept], parameters)
        inner += (np.exp(parameters[kernel.noise]) + mixture_gp.JITTER) * np.eye(len(kept))
        left = kernel.variance(parameters) - np.diag(cross @ np.linalg.solve(inner, cross.T))
        assert variance[out] - np.exp(parameters[kernel.noise]) == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize("process", [GAUSSIAN_PROCESS, ADDITIVE_GAUSSIAN_PROCESS])
def test_refitted_and_closed_folds_agree_and_both_predict(
    process: mixture_gp.GaussianProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = trials_of(bent, num_trials=60, noise_sd=0.02)
    refitted = process.fit(trials).out_of_fold
    monkeypatch.setattr(mixture_gp, "CLOSED_FOLDS_FROM", 10)
    closed = process.fit(trials).out_of_fold
    spread = trials.targets.std()
    assert np.sqrt(np.mean((refitted - trials.targets) ** 2)) < 0.35 * spread
    assert np.sqrt(np.mean((refitted - closed) ** 2)) < 0.15 * spread


def test_the_joint_covariance_has_the_marginal_variances_on_its_diagonal() -> None:
    fit = GAUSSIAN_PROCESS.fit(trials_of(bent, noise_sd=0.05))
    new = np.random.default_rng(5).dirichlet(np.ones(4), size=6)
    assert np.diag(fit.covariance(new)) == pytest.approx(fit.predict(new)[1] ** 2)


def test_noise_is_learned_and_repeats_set_its_prior() -> None:
    trials = trials_of(bent, num_trials=100, noise_sd=0.1)
    assert GAUSSIAN_PROCESS.fit(trials).noise_variance == pytest.approx(0.01, rel=0.5)
    told = Trials(
        shares=trials.shares[:12],
        targets=trials.targets[:12],
        noise=trials.noise[:12],
        folds=trials.folds[:12],
        noise_variance=1e-4,
        noise_df=50.0,
    )
    assert GAUSSIAN_PROCESS.fit(told).noise_variance < 1e-3
