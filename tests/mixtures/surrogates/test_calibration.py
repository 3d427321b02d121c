"""The factors on data whose width is known."""

import numpy as np
import pytest

from mixtures.surrogates.calibration import calibrate

ONE = np.ones(1)


def normal(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    values: np.ndarray = np.random.default_rng(seed).standard_normal((rows, columns))
    return values


def test_errors_as_wide_as_said_leave_both_factors_at_one() -> None:
    found = calibrate(ONE, normal(1, 2000), np.full((1, 2000), 0.5), np.full((1, 2000), 0.5))
    assert found.process == pytest.approx(1.0, abs=0.1)
    assert found.noise == pytest.approx(1.0, abs=0.1)


def test_without_noise_the_process_takes_the_whole_error() -> None:
    found = calibrate(ONE, 2.0 * normal(1, 2000), np.ones((1, 2000)), np.full((1, 2000), 1e-6))
    assert found.process == pytest.approx(2.0, abs=0.1)
    assert found.noise == pytest.approx(1.0, abs=0.1)


def test_where_noise_is_all_it_does_not_set_the_width_of_the_curve() -> None:
    found = calibrate(ONE, 1.5 * normal(1, 2000), np.full((1, 2000), 1e-6), np.ones((1, 2000)))
    assert found.process == pytest.approx(1.0, abs=0.1)
    assert found.noise == pytest.approx(1.5, abs=0.1)


def test_metrics_that_err_together_are_wider_by_the_root_of_their_number() -> None:
    # Three equal errors: the variance of the sum is 9, that of three independent ones 3.
    errors = np.tile(normal(1, 2000), (3, 1))
    half = np.full((3, 2000), 0.5)
    found = calibrate(np.ones(3), errors, half, half)
    assert found.process == pytest.approx(np.sqrt(3.0), abs=0.15)
    assert found.noise == pytest.approx(np.sqrt(3.0), abs=0.15)


def test_no_trials_tell_nothing_and_two_little() -> None:
    none = calibrate(np.zeros(0), np.zeros((0, 5)), np.zeros((0, 5)), np.zeros((0, 5)))
    assert (none.process, none.noise) == (1.0, 1.0)
    two = calibrate(ONE, np.array([[6.0, -6.0]]), np.ones((1, 2)), np.full((1, 2), 1e-6))
    assert 1.0 < two.process / (12.706 / 1.96) < 4.0
