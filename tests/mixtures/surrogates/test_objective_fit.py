"""Sums of metrics, and intervals that hold what they say on simulated data."""

import numpy as np
import pytest

from mixtures.surrogates.mixture_gp import GAUSSIAN_PROCESS
from mixtures.surrogates.objective_fit import combine
from mixtures.surrogates.ridge import RIDGE
from mixtures.surrogates.stack import fit_stacks
from tests.mixtures.surrogates.simple_trials import trials_of

FEW = (GAUSSIAN_PROCESS, RIDGE)


def test_an_objective_is_the_weighted_sum_of_its_metrics() -> None:
    first = trials_of(lambda w: w[:, 0], noise_sd=0.02)
    second = trials_of(lambda w: np.sqrt(w[:, 1]), noise_sd=0.02)
    stacks = dict(zip("ab", fit_stacks([first, second], FEW), strict=True))
    every = np.arange(30)
    fit = combine(stacks, {"a": every, "b": every}, {"a": 0.25, "b": 2.0}, 30, constant=7.0)
    new = np.random.default_rng(3).dirichlet(np.ones(4), size=5)
    (a, sd_a), (b, sd_b) = stacks["a"].predict(new), stacks["b"].predict(new)
    mean, sd = fit.predict(new)
    assert mean == pytest.approx(7.0 + 0.25 * a + 2.0 * b)
    assert sd == pytest.approx(fit.calibration.process * np.hypot(0.25 * sd_a, 2.0 * sd_b))
    joint_mean, covariance = fit.joint(new)
    assert joint_mean == pytest.approx(mean)
    assert np.diag(covariance) == pytest.approx(sd**2)
    assert fit.targets == pytest.approx(7.0 + 0.25 * first.targets + 2.0 * second.targets)


def test_a_trial_without_one_metric_has_no_objective_but_teaches_the_other() -> None:
    whole = trials_of(lambda w: w[:, 0], noise_sd=0.02)
    rows = np.arange(5, 30)
    stacks = dict(zip("ab", fit_stacks([whole, whole.take(rows)], FEW), strict=True))
    fit = combine(stacks, {"a": np.arange(30), "b": rows}, {"a": 1.0, "b": 1.0}, 30)
    assert np.isnan(fit.targets[:5]).all() and np.isfinite(fit.targets[5:]).all()
    assert len(fit.stacks[0].trials) == 30


def test_intervals_of_new_trials_hold_95_per_cent_of_them() -> None:
    covered = []
    for seed in range(12):
        law = np.random.default_rng(seed).normal(size=4)
        trials = trials_of(lambda w: np.exp(w @ law), 40, noise_sd=0.1, seed=seed)  # noqa: B023
        fit = combine({"a": fit_stacks([trials], FEW)[0]}, {"a": np.arange(40)}, {"a": 1.0}, 40)
        new = trials_of(lambda w: np.exp(w @ law), 200, noise_sd=0.1, seed=100 + seed)  # noqa: B023
        mean, sd = fit.predict(new.shares)
        half = 1.96 * np.hypot(sd, fit.noise_sd)
        covered.append(np.mean(np.abs(new.targets - mean) <= half))
    assert 0.92 <= np.mean(covered) <= 0.99
