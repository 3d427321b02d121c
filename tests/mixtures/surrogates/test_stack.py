"""Weights by hand, and the posterior of two surrogates that disagree."""

import numpy as np
import pytest

from mixtures.surrogates.mixture_gp import GAUSSIAN_PROCESS
from mixtures.surrogates.ridge import LINEAR
from mixtures.surrogates.stack import SURROGATES, fit_stacks, stack_weights
from tests.mixtures.surrogates.simple_trials import trials_of


def test_half_the_error_earns_eight_times_the_weight() -> None:
    weights = stack_weights(np.array([[1.0, 2.0]]), np.array([3.0]))
    assert weights[0] == pytest.approx([8 / 9, 1 / 9])


def test_one_metrics_errors_are_drawn_half_way_to_the_mean_of_all() -> None:
    # Log errors (0, log 2) and (0, 0): means (0, log 2 / 2). Half-way: log 2 * 3/4 and log 2 / 4.
    weights = stack_weights(np.array([[1.0, 2.0], [1.0, 1.0]]), np.full(2, 3.0))
    assert weights[:, 0] / weights[:, 1] == pytest.approx([2.0**2.25, 2.0**0.75])


def test_an_error_of_zero_does_not_divide_by_zero() -> None:
    weights = stack_weights(np.array([[0.0, 1.0]]), np.array([3.0]))
    assert weights[0] == pytest.approx([1.0, 0.0])


def test_the_stack_is_the_weighted_mean_and_its_variance_holds_the_disagreement() -> None:
    trials = trials_of(lambda w: w[:, 0] ** 2, noise_sd=0.05)
    (stack,) = fit_stacks([trials], (GAUSSIAN_PROCESS, LINEAR))
    process, line = GAUSSIAN_PROCESS.fit(trials), LINEAR.fit(trials)
    new = np.random.default_rng(3).dirichlet(np.ones(4), size=5)
    (a, sd), (b, sd_line) = process.predict(new), line.predict(new)
    p, q = stack.weights
    mean, total = stack.predict(new)
    assert p + q == pytest.approx(1.0)
    assert mean == pytest.approx(p * a + q * b)
    # Covariances count by MSE^(-N / 2), N being 30, where means count by MSE^-3.
    odds = (q / p) ** 5
    inside = (sd**2 + odds * sd_line**2) / (1 + odds)
    assert total**2 == pytest.approx(inside + p * q * (a - b) ** 2)
    assert stack.out_of_fold == pytest.approx(p * process.out_of_fold + q * line.out_of_fold)
    joint_mean, covariance = stack.joint(new)
    assert joint_mean == pytest.approx(mean)
    assert np.diag(covariance) == pytest.approx(total**2)


def test_every_surrogate_fits_a_bent_law_and_the_best_lead() -> None:
    trials = trials_of(lambda w: np.sqrt(w[:, 0]) - w[:, 1], num_trials=40, noise_sd=0.02)
    (stack,) = fit_stacks([trials])
    assert stack.names == tuple(surrogate.name for surrogate in SURROGATES)
    assert len(set(stack.names)) == len(stack.names)
    assert stack.weights.sum() == pytest.approx(1.0)
    error = np.sqrt(np.mean((stack.out_of_fold - trials.targets) ** 2))
    singles = [np.sqrt(np.mean((f.out_of_fold - trials.targets) ** 2)) for f in stack.fits]
    # Ridge on roots is the truth here, the processes are not.
    assert error < min(singles[:2])
    assert error < 1.4 * min(singles)
    assert error < 0.25 * trials.targets.std()
