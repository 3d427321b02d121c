"""Figures of draws against closed forms for two normal mixtures, and small tables by hand."""

import numpy as np
import pytest
from scipy.stats import norm, t

from mixtures.best_of_pool import MAX_DRAWN, best_of_pool, contenders, draw


def test_two_correlated_normals_have_the_analytic_probability_and_regret() -> None:
    mean = np.array([1.0, 1.3])
    covariance = np.array([[0.25, 0.10], [0.10, 0.16]])
    draws = draw(mean, covariance, 200_000, np.random.default_rng(0))
    found = best_of_pool(mean, draws, np.array([0, 1]))
    sd = np.sqrt(0.25 + 0.16 - 2 * 0.10)
    assert found.p_best == pytest.approx([norm.cdf(0.3 / sd), norm.cdf(-0.3 / sd)], abs=0.005)
    # E max(0, a - b) with a - b ~ N(-.3, sd):  sd phi(z) + mu Phi(z), z = mu / sd.
    z = -0.3 / sd
    regret = sd * norm.pdf(z) - 0.3 * norm.cdf(z)
    assert found.expected_regret == pytest.approx([regret, regret + 0.3], abs=0.005)
    assert found.choice == 0


def test_draws_have_the_covariance_and_the_seed_fixes_them() -> None:
    covariance = np.array([[1.0, 0.8], [0.8, 1.0]])
    draws = draw(np.zeros(2), covariance, 50_000, np.random.default_rng(1))
    assert np.cov(draws.T) == pytest.approx(covariance, abs=0.03)
    again = draw(np.zeros(2), covariance, 50_000, np.random.default_rng(1))
    assert np.array_equal(draws, again)


def test_a_singular_covariance_is_drawn_and_none_at_all_is_the_mean() -> None:
    twins = draw(np.zeros(3), np.ones((3, 3)), 100, np.random.default_rng(0))
    assert np.ptp(twins, axis=1) == pytest.approx(np.zeros(100), abs=1e-3)
    none = draw(np.array([1.0, 2.0]), np.zeros((2, 2)), 3, np.random.default_rng(0))
    assert none.tolist() == [[1.0, 2.0]] * 3


def test_the_tie_group_is_the_least_set_with_95_per_cent_and_what_often_beats_the_choice() -> None:
    # Of 100 draws: the first is best in 80, the second in 16, the third in 3, the fourth in 1.
    draws = np.tile([0.0, 1.0, 1.0, 1.0], (100, 1))
    draws[80:96, 1] = -1.0
    draws[96:99, 2] = -1.0
    draws[99, 3] = -1.0
    found = best_of_pool(draws.mean(axis=0), draws, np.arange(4))
    assert found.p_best == pytest.approx([0.80, 0.16, 0.03, 0.01])
    # The third beats the choice in 3 draws of 100, more than 2.5.
    assert found.is_tied.tolist() == [True, True, True, False]


def test_of_two_equal_mixtures_both_are_tied_in_95_of_100_studies() -> None:
    # One measurement each with sd 1 and a flat prior: the posterior is the measurement.
    both = []
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        mean = rng.normal(size=2)
        draws = mean + rng.standard_normal((1000, 2))
        both.append(best_of_pool(mean, draws, np.arange(2)).is_tied.all())
    assert np.mean(both) == pytest.approx(0.95, abs=0.02)


def test_a_width_known_from_few_trials_has_students_tails_and_the_same_covariance() -> None:
    covariance = np.array([[1.0, 0.8], [0.8, 1.0]])
    draws = draw(np.zeros(2), covariance, 200_000, np.random.default_rng(1), df=8.0)
    assert np.cov(draws.T) == pytest.approx(covariance, abs=0.03)
    inside = np.mean(np.abs(draws) <= 0.5, axis=0)
    assert inside == pytest.approx(np.full(2, 2 * t.cdf(0.5 / np.sqrt(6 / 8), 8) - 1), abs=0.005)


def test_a_twin_that_is_always_a_hair_behind_is_tied() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=1000)
    draws = np.column_stack([first, first + rng.normal(1e-3, 1e-3, size=1000), first + 5.0])
    found = best_of_pool(draws.mean(axis=0), draws, np.arange(3))
    assert found.is_tied.tolist() == [True, True, False]


def test_equal_mixtures_share_the_probability() -> None:
    found = best_of_pool(np.full(4, 2.0), np.full((10, 4), 2.0), np.arange(4))
    assert found.p_best == pytest.approx(np.full(4, 0.25))
    assert found.is_tied.all()


def test_what_cannot_be_the_best_is_not_drawn_and_the_choice_always_is() -> None:
    mean, sd = np.array([5.0, 0.0, 0.5]), np.array([0.1, 0.1, 0.1])
    drawn = contenders(mean, sd)
    assert drawn.tolist() == [1, 2]
    draws = draw(mean[drawn], np.diag(sd[drawn] ** 2), 1000, np.random.default_rng(0))
    found = best_of_pool(mean, draws, drawn)
    assert found.p_best[0] == 0.0 and not found.is_tied[0]
    assert found.expected_regret[0] == pytest.approx(5.0, abs=0.05)
    many = np.full(MAX_DRAWN + 500, 1.0)
    many[-1] = 0.9
    wide = np.full(len(many), 1.0)
    wide[-1] = 0.01
    assert contenders(many, wide)[0] == len(many) - 1
