"""Ridge against scikit-learn, which is told the penalty and refits for each left-out trial."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from mixtures.surrogates.ridge import (
    LINEAR,
    PENALTIES,
    RIDGE,
    ridge,
    shares_and_roots,
    shares_roots_and_logs,
)
from tests.mixtures.surrogates.simple_trials import trials_of


def test_slopes_and_penalty_are_those_of_sklearn_with_every_trial_left_out_in_turn() -> None:
    trials = trials_of(lambda w: w[:, 0] ** 2 - np.sqrt(w[:, 1]), noise_sd=0.1)
    inputs = shares_and_roots(trials.shares)
    largest = np.linalg.svd(inputs - inputs.mean(axis=0), compute_uv=False)[0] ** 2
    errors = []
    for penalty in PENALTIES * largest:
        left_out = cross_val_predict(
            SklearnRidge(alpha=penalty), inputs, trials.targets, cv=LeaveOneOut()
        )
        errors.append(np.mean((left_out - trials.targets) ** 2))
    alpha = PENALTIES[int(np.argmin(errors))] * largest
    expected = SklearnRidge(alpha=alpha).fit(inputs, trials.targets)
    _, _, slopes, _ = ridge(inputs, trials.targets, np.ones(len(trials)))
    assert slopes == pytest.approx(expected.coef_, rel=1e-6)


def test_weights_count_a_trial_as_often_as_they_say() -> None:
    trials = trials_of(lambda w: w[:, 0], num_trials=12, noise_sd=0.2)
    inputs = trials.shares
    weights = np.ones(12)
    weights[3] = 3.0
    center, level, slopes, _ = ridge(inputs, trials.targets, weights)
    largest = np.linalg.svd(np.sqrt(weights)[:, None] * (inputs - center))[1][0] ** 2
    # With the penalty given, three copies of a trial are one of weight 3.
    fits = [
        SklearnRidge(alpha=penalty).fit(inputs, trials.targets, sample_weight=weights).coef_
        for penalty in PENALTIES * largest
    ]
    assert min(np.abs(fit - slopes).max() for fit in fits) < 1e-9
    assert level == pytest.approx(np.average(trials.targets, weights=weights))


def test_a_linear_law_is_found_exactly_and_out_of_fold_too() -> None:
    trials = trials_of(lambda w: 2.0 + w @ np.array([1.0, -1.0, 0.5, 0.0]))
    fit = LINEAR.fit(trials)
    assert fit.out_of_fold == pytest.approx(trials.targets, abs=1e-3)
    mean, sd = fit.predict(np.array([[0.25, 0.25, 0.25, 0.25]]))
    assert mean[0] == pytest.approx(2.125, abs=1e-3)
    assert sd[0] < 1e-3


def test_the_spread_is_that_of_bayesian_regression() -> None:
    """Against sklearn's BayesianRidge, given the penalty and the errors' variance."""
    trials = trials_of(lambda w: w[:, 0], num_trials=40, noise_sd=0.2)
    inputs = shares_and_roots(trials.shares)
    center, _, _, spread = ridge(inputs, trials.targets, np.ones(40))
    covariance = spread[:-1] @ spread[:-1].T
    # (X'X + penalty)^-1 times a variance: so its inverse less X'X is a multiple of the identity.
    centred = inputs - center
    variance = spread[-1, 0] ** 2 * 40
    penalty = variance * np.linalg.inv(covariance) - centred.T @ centred
    assert penalty == pytest.approx(penalty[0, 0] * np.eye(8), abs=1e-6 * penalty[0, 0] + 1e-6)
    reference = SklearnRidge(alpha=penalty[0, 0]).fit(inputs, trials.targets)
    assert reference.coef_ == pytest.approx(ridge(inputs, trials.targets, np.ones(40))[2], rel=1e-4)
    assert variance == pytest.approx(0.04, rel=0.5)


def test_a_left_out_trial_does_not_tell_its_own_prediction() -> None:
    trials = trials_of(lambda w: w[:, 0], noise_sd=0.3)
    changed = trials.targets.copy()
    changed[4] += 100.0
    others = trials.folds == trials.folds[4]
    before = RIDGE.fit(trials).out_of_fold
    after = RIDGE.fit(
        type(trials)(shares=trials.shares, targets=changed, noise=trials.noise, folds=trials.folds)
    ).out_of_fold
    assert after[others] == pytest.approx(before[others])
    assert not np.allclose(after[~others], before[~others])


def test_features_are_shares_roots_and_scaled_logs() -> None:
    row = shares_roots_and_logs(np.array([[0.25, 0.0]]))[0]
    scale = -np.log(0.003)
    assert row == pytest.approx([0.25, 0.0, 0.5, 0.0, np.log(0.253) / scale, -1.0])
