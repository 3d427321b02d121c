"""The knowledge gradient against its closed form, and what a batch takes into account."""

import numpy as np
import pytest
from scipy.stats import norm

from mixtures.acquisition import choose, expected_regret, knowledge_gradient


def gain_of_two(gap: float, spread: float) -> float:
    """E[fall of the lower of two means] where their difference moves by spread times N(0, 1)."""
    z = -abs(gap) / spread
    return float(spread * (z * norm.cdf(z) + norm.pdf(z)))


@pytest.mark.parametrize(
    ("gap", "sd", "noise"), [(0.0, 1.0, 0.0), (0.5, 1.0, 0.5), (1.0, 2.0, 1.0)]
)
def test_of_two_independent_mixtures_the_gain_is_known(gap: float, sd: float, noise: float) -> None:
    mean, covariance = np.array([0.0, gap]), np.diag([0.0, sd**2])
    moves = sd**2 / np.sqrt(sd**2 + noise**2)
    gain = knowledge_gradient(mean, covariance, noise**2)
    assert gain[1] == pytest.approx(gain_of_two(gap, moves), rel=0.05)
    assert gain[0] == pytest.approx(0.0, abs=1e-6)


def test_a_mixture_that_is_known_well_is_not_run_again_and_a_noisy_rival_is() -> None:
    # The leader is known; a rival is as good but hardly known; a third is far behind.
    mean = np.array([0.0, 0.05, 5.0])
    covariance = np.diag([1e-6, 0.2, 0.2])
    assert choose(mean, covariance, 0.1, 1).indices == (1,)


def test_a_batch_does_not_look_twice_where_one_look_is_enough() -> None:
    # Two pairs of mixtures that are one and the same, and no noise.
    same = np.array([[1.0, 1.0], [1.0, 1.0]])
    covariance = np.kron(np.eye(2), same) + 1e-9 * np.eye(4)
    first, second = choose(np.zeros(4), covariance, 0.0, 2).indices
    assert first // 2 != second // 2


def test_what_runs_already_counts() -> None:
    covariance = np.diag([1.0, 0.9])
    assert choose(np.zeros(2), covariance, 1e-6, 1).indices == (0,)
    assert choose(np.zeros(2), covariance, 1e-6, 1, pending=[0]).indices == (1,)


def test_where_one_trial_decides_nothing_the_leader_and_its_rival_are_compared() -> None:
    # Eight standard deviations of what one trial moves: the gradient is 0 to the last digit.
    mean, covariance = np.array([0.0, 0.3, 5.0]), np.diag([0.001, 0.002, 0.002])
    assert knowledge_gradient(mean, covariance, 0.001).max() < 1e-12
    # The rival is known worse, so it runs first; then its variance is 2/3 of the leader's.
    assert choose(mean, covariance, 0.001, 2).indices == (1, 0)


def test_only_what_is_allowed_is_chosen() -> None:
    covariance = np.diag([1.0, 0.5])
    assert choose(np.zeros(2), covariance, 0.1, 1, allowed=np.array([False, True])).indices == (1,)


def test_expected_regret_of_two_mixtures_is_known() -> None:
    mean, covariance = np.array([0.0, 0.3]), np.diag([0.5, 0.7])
    # E[max(0, f0 - f1)] where f0 - f1 is N(-0.3, 1.2).
    expected = gain_of_two(0.3, np.sqrt(1.2))
    found = np.mean(
        [expected_regret(mean, covariance, np.random.default_rng(i)) for i in range(200)]
    )
    assert found == pytest.approx(expected, rel=0.02)


def test_a_cheap_trial_is_taken_where_it_tells_more_for_its_cost() -> None:
    # The last point tells of the first by a correlation of r, at a quarter of the cost.
    def chosen(r: float) -> int:
        covariance = np.array([[1.0, 0.0, r], [0.0, 1e-9, 0.0], [r, 0.0, 1.0]])
        counts = np.array([True, True, False])
        cost = np.array([1.0, 1.0, 0.25])
        return choose(np.zeros(3), covariance, 0.1, 1, counts=counts, cost=cost).indices[0]

    # The gain is in proportion to the correlation: it pays above a quarter.
    assert (chosen(0.9), chosen(0.35), chosen(0.15)) == (2, 2, 0)


def test_what_only_short_decays_speak_for_is_trained_before_it_is_recommended() -> None:
    mean, covariance = np.array([0.0, 0.3, 0.0]), np.diag([1e-6, 1e-6, 1e-3])
    counts = np.array([True, True, False])
    trained = np.array([False, True, False])
    found = choose(mean, covariance, 1e-3, 1, counts=counts, cost=np.ones(3), trained=trained)
    assert found.indices == (0,)
    # It is worth what it is better by.
    assert found.gains[0] == pytest.approx(0.3, abs=1e-3)
