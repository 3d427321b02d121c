"""The process of the search against scikit-learn's, and its gradient against differences."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

from mixtures.search_gp import Measured, Posterior, _prior, fit, posterior_of
from mixtures.search_kernel import Layout, loss

RNG = np.random.default_rng(0)
SHARES = RNG.dirichlet(np.ones(4), 24)
TARGETS = np.exp(-3 * SHARES[:, 0]) + 0.3 * SHARES[:, 1] + 0.02 * RNG.standard_normal(24)
REPEATS = np.array([1.0, 2.0] * 12)
PLAIN = Layout(num_sources=4)
MEASURED = Measured(points=SHARES, targets=TARGETS, repeats=REPEATS, layout=PLAIN)
NEW = RNG.dirichlet(np.ones(4), 50)


class LinearInRoots(DotProduct):
    """Inner products of sqrt(w) - 1/2, of features w^(1/4) over four sources."""

    def __call__(self, X, Y=None, eval_gradient=False):  # type: ignore[no-untyped-def]
        first, second = X**2 - 0.5, (X if Y is None else Y) ** 2 - 0.5
        return first @ second.T

    def diag(self, X):  # type: ignore[no-untyped-def]
        return np.sum((X**2 - 0.5) ** 2, axis=1)


def test_the_posterior_is_that_of_scikit_learn_at_the_same_hyperparameters() -> None:
    found = fit(MEASURED)
    *lengths, linear, signal, noise = np.exp(found.mode)
    kernel = ConstantKernel(signal) * Matern(lengths, nu=2.5) + ConstantKernel(0.3)
    kernel += ConstantKernel(linear) * LinearInRoots()
    reference = GaussianProcessRegressor(kernel, alpha=noise / REPEATS + 1e-6, optimizer=None)
    reference.fit(SHARES**0.25, (TARGETS - TARGETS.mean()) / TARGETS.std())
    mean, covariance = reference.predict(NEW**0.25, return_cov=True)
    ours = Posterior(parts=((1.0, found),))
    assert ours.mean(NEW) == pytest.approx(TARGETS.mean() + TARGETS.std() * mean, abs=1e-6)
    assert ours.covariance(NEW) == pytest.approx(TARGETS.var() * covariance, abs=1e-6)
    assert ours.variance(NEW) == pytest.approx(np.diag(ours.covariance(NEW)), abs=1e-9)
    assert ours.noise_variance(NEW) == pytest.approx(np.full(50, TARGETS.var() * noise))


def test_the_gradient_of_the_density_is_that_of_differences() -> None:
    targets = (TARGETS - TARGETS.mean()) / TARGETS.std()
    # A category, a number and short decays beside the shares.
    levels = np.column_stack([RNG.integers(3, size=24), RNG.random(24), RNG.integers(2, size=24)])
    mixed = Layout(num_sources=4, is_category=(True, False, True), has_short=True)
    for layout, points in ((PLAIN, SHARES), (mixed, np.column_stack([SHARES, levels]))):
        measured = Measured(points=points, targets=TARGETS, repeats=REPEATS, layout=layout)
        prior = _prior(measured, float(TARGETS.std()))
        arguments = (points, targets, 1 / REPEATS, prior, layout)
        for _ in range(3):
            at = prior[0] + 0.5 * RNG.standard_normal(layout.size)
            error = check_grad(
                lambda m, a=arguments: loss(m, *a)[0], lambda m, a=arguments: loss(m, *a)[1], at
            )
            assert error < 1e-4


def test_an_objective_is_the_weighted_sum_of_its_benchmarks() -> None:
    other = Measured(points=SHARES, targets=5 * TARGETS[::-1], repeats=REPEATS, layout=PLAIN)
    both = posterior_of([(0.25, MEASURED), (0.75, other)], [None, None])
    alone = [posterior_of([(1.0, one)], [None]) for one in (MEASURED, other)]
    assert both.mean(NEW) == pytest.approx(0.25 * alone[0].mean(NEW) + 0.75 * alone[1].mean(NEW))
    assert both.covariance(NEW) == pytest.approx(
        0.25**2 * alone[0].covariance(NEW) + 0.75**2 * alone[1].covariance(NEW)
    )


def test_repeats_tell_the_noise() -> None:
    def noise(told: float) -> float:
        measured = Measured(
            points=SHARES,
            targets=TARGETS,
            repeats=REPEATS,
            layout=PLAIN,
            noise_variance=told,
            noise_df=50.0,
        )
        return float(posterior_of([(1.0, measured)], [None]).noise_variance(SHARES)[0])

    # The scores alone say 0.0004; repeats may know better, and 50 of them weigh more.
    assert noise(0.0004) == pytest.approx(0.0004, rel=0.5)
    assert noise(0.004) > 3 * noise(0.0004)


def test_a_start_saves_the_search_for_hyperparameters() -> None:
    found = fit(MEASURED)
    again = fit(MEASURED, start=found.mode, max_steps=0)
    assert again.mode == pytest.approx(found.mode)
    assert again.alpha == pytest.approx(found.alpha, rel=1e-6)
