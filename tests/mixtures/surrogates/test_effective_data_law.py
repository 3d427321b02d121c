"""The law on targets that follow it, and on ones that do not."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from mixtures.surrogates.effective_data_law import (
    SMALLEST_SHARE,
    EffectiveDataLaw,
    _slopes,
    law,
)
from mixtures.surrogates.seam import Array
from tests.mixtures.surrogates.simple_trials import trials_of

WORTH, RETURNS = np.array([2.0, 0.5, 0.1, 1.0]), np.array([0.5, 0.3, 0.8, 0.5])


def truth(shares: Array) -> Array:
    values: Array = 1.5 + (0.2 + shares**RETURNS @ WORTH) ** -0.5
    return values


def test_the_law_by_hand() -> None:
    # c = (4, 1), g = (1/2, 2), floor 3, c_0 = 1/4. At (1/4, 3/4): 1/4 + 4/2 + 9/16 = 45/16;
    # at (3/4, 1/4): 1/4 + 2 sqrt(3) + 1/16.
    parameters = np.log([4.0, 1.0, 0.5, 2.0, 1.0, 0.25])
    parameters[4] = 3.0
    values = law(np.array([[0.25, 0.75], [0.75, 0.25]]) - SMALLEST_SHARE, parameters)
    assert values == pytest.approx([3.0 + np.sqrt(16 / 45), 3.0 + (5 / 16 + 12**0.5) ** -0.5])


def test_it_finds_its_own_law_where_it_was_not_tried() -> None:
    trials = trials_of(truth, num_trials=40)
    fit = EffectiveDataLaw().fit(trials)
    new = np.random.default_rng(9).dirichlet(np.ones(4), size=200)
    error = fit.predict(new)[0] - truth(new)
    assert np.sqrt(np.mean(error**2)) < 0.05 * truth(new).std()
    assert np.sqrt(np.mean((fit.out_of_fold - trials.targets) ** 2)) < 0.1 * trials.targets.std()


def test_its_slopes_are_those_of_finite_differences() -> None:
    parameters = np.concatenate([np.log(WORTH), np.log(RETURNS), [1.5, np.log(0.2)]])
    shares = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.2, 0.0]])
    for row, slopes in zip(shares, _slopes(shares, parameters), strict=True):
        numeric = approx_fprime(parameters, lambda at: law(row[None], at)[0], 1e-7)  # noqa: B023
        assert slopes == pytest.approx(numeric, abs=1e-5)


def test_targets_that_never_move_give_a_prediction_that_does_not() -> None:
    trials = trials_of(lambda w: np.full(len(w), 1.5))
    mean, _ = EffectiveDataLaw().fit(trials).predict(trials.shares)
    assert mean == pytest.approx(np.full(len(trials), 1.5), abs=0.05)


def test_a_noisier_trial_pulls_less() -> None:
    trials = trials_of(truth, num_trials=20)
    bad = trials.targets.copy()
    bad[0] += 1.0
    noise = np.ones(20)
    noise[0] = 1e4

    def error(of_noise: Array) -> float:
        changed = type(trials)(
            shares=trials.shares, targets=bad, noise=of_noise, folds=trials.folds
        )
        mean, _ = EffectiveDataLaw().fit(changed).predict(trials.shares[1:])
        return float(np.abs(mean - trials.targets[1:]).mean())

    assert error(noise) < 0.3 * error(np.ones(20))


def test_targets_that_are_all_noise_are_not_interpolated() -> None:
    trials = trials_of(lambda w: np.zeros(len(w)), num_trials=40, noise_sd=1.0)
    mean, _ = EffectiveDataLaw().fit(trials).predict(trials.shares)
    assert mean.std() < 0.5 * trials.targets.std()


def test_its_sd_is_what_new_noise_would_change() -> None:
    """Against the spread of fits to the same mixtures with other noise."""
    new = np.random.default_rng(9).dirichlet(np.ones(4), size=20)
    first = trials_of(truth, num_trials=60)
    means, sds = [], []
    for seed in range(40):
        noise = 0.05 * np.random.default_rng(seed).standard_normal(60)
        trials = type(first)(
            shares=first.shares,
            targets=first.targets + noise,
            noise=first.noise,
            folds=first.folds,
        )
        mean, sd = EffectiveDataLaw().fit(trials).predict(new)
        means.append(mean)
        sds.append(sd)
    ratio = np.mean(sds, axis=0) / np.std(means, axis=0)
    assert 0.8 < np.median(ratio) < 1.8
