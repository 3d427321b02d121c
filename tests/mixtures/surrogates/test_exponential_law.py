"""The law on targets that follow it, and on ones that do not."""

import numpy as np
import pytest

from mixtures.surrogates.exponential_law import ExponentialLaw, law
from tests.mixtures.surrogates.simple_trials import trials_of


def test_the_law_by_hand() -> None:
    # c = 2, t = (log 3, 0):  2 + 3^w_1.
    values = law(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), np.array([np.log(3.0), 0.0, 2.0]))
    assert values == pytest.approx([5.0, 2.0 + np.sqrt(3.0), 3.0])


def test_it_finds_its_own_law_where_it_was_not_tried() -> None:
    slopes = np.array([-2.0, -0.5, 0.3, 1.0])
    trials = trials_of(lambda w: 2.5 + 0.8 * np.exp(w @ slopes), num_trials=40)
    fit = ExponentialLaw().fit(trials)
    new = np.random.default_rng(9).dirichlet(np.ones(4), size=200)
    truth = 2.5 + 0.8 * np.exp(new @ slopes)
    error = fit.predict(new)[0] - truth
    assert np.sqrt(np.mean(error**2)) < 0.03 * truth.std()
    assert np.sqrt(np.mean((fit.out_of_fold - trials.targets) ** 2)) < 0.1 * trials.targets.std()


def test_targets_that_never_move_give_a_prediction_that_does_not() -> None:
    trials = trials_of(lambda w: np.full(len(w), 1.5))
    mean, _ = ExponentialLaw().fit(trials).predict(trials.shares)
    assert mean == pytest.approx(np.full(len(trials), 1.5), abs=0.05)


def test_a_noisier_trial_pulls_less() -> None:
    trials = trials_of(lambda w: np.exp(-2.0 * w[:, 0]), num_trials=20)
    bad = trials.targets.copy()
    bad[0] += 1.0
    noise = np.ones(20)
    noise[0] = 1e4

    def error(of_noise: np.ndarray) -> float:
        changed = type(trials)(
            shares=trials.shares, targets=bad, noise=of_noise, folds=trials.folds
        )
        mean, _ = ExponentialLaw().fit(changed).predict(trials.shares[1:])
        return float(np.abs(mean - trials.targets[1:]).mean())

    assert error(noise) < 0.3 * error(np.ones(20))


def test_its_sd_is_what_new_noise_would_change() -> None:
    """Against the spread of fits to the same mixtures with other noise."""
    slopes = np.array([-2.0, -0.5, 0.3, 1.0])
    new = np.random.default_rng(9).dirichlet(np.ones(4), size=20)
    first = trials_of(lambda w: np.exp(w @ slopes), num_trials=60)
    means, sds = [], []
    for seed in range(60):
        noise = 0.1 * np.random.default_rng(seed).standard_normal(60)
        trials = type(first)(
            shares=first.shares,
            targets=first.targets + noise,
            noise=first.noise,
            folds=first.folds,
        )
        mean, sd = ExponentialLaw().fit(trials).predict(new)
        means.append(mean)
        sds.append(sd)
    ratio = np.mean(sds, axis=0) / np.std(means, axis=0)
    assert 0.8 < np.median(ratio) < 1.5
