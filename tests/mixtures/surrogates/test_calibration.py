"""The factors on data whose width is known."""

import numpy as np
import pytest

from mixtures.surrogates.calibration import Repeats, calibrate

ONE = np.ones(1)


def normal(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    values: np.ndarray = np.random.default_rng(seed).standard_normal((rows, columns))
    return values


def test_errors_as_wide_as_said_leave_the_width_as_it_is() -> None:
    found = calibrate(ONE, normal(1, 2000), np.full((1, 2000), 0.5), np.full((1, 2000), 0.5))
    assert np.hypot(found.process, found.noise) == pytest.approx(np.sqrt(2.0), abs=0.1)


def test_without_noise_the_process_takes_the_whole_error() -> None:
    found = calibrate(ONE, 2.0 * normal(1, 2000), np.ones((1, 2000)), np.full((1, 2000), 1e-6))
    assert found.process == pytest.approx(2.0, abs=0.1)
    # The prior's: median 1.2, sd .3 in log; the root of its mean square is 1.2 exp(.09).
    assert found.noise == pytest.approx(1.2 * np.exp(0.3**2), abs=0.02)


def test_where_noise_is_all_it_does_not_set_the_width_of_the_curve() -> None:
    found = calibrate(ONE, 1.5 * normal(1, 2000), np.full((1, 2000), 1e-6), np.ones((1, 2000)))
    # The prior's again: median 1, sd .4.
    assert found.process == pytest.approx(np.exp(0.4**2), abs=0.02)
    assert found.noise == pytest.approx(1.5, abs=0.1)


def test_repeats_tell_the_noise_and_so_what_is_left_for_the_process() -> None:
    # Variance 1.25 everywhere, said to be .5 of each. Noise is really .25 or 1 of it.
    errors, half = np.sqrt(1.25) * normal(1, 2000), np.full((1, 2000), 0.5)
    calm = calibrate(ONE, errors, half, half, Repeats(ratio=0.5, df=1000.0))
    loud = calibrate(ONE, errors, half, half, Repeats(ratio=2.0, df=1000.0))
    assert calm.noise == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert calm.process == pytest.approx(np.sqrt(2.0), abs=0.1)
    assert loud.noise == pytest.approx(np.sqrt(2.0), abs=0.05)
    assert loud.process == pytest.approx(np.sqrt(0.5), abs=0.1)


def test_metrics_that_err_together_are_wider_by_the_root_of_their_number() -> None:
    # Three equal errors: the variance of the sum is 9, that of three independent ones 3.
    errors = np.tile(normal(1, 2000), (3, 1))
    half = np.full((3, 2000), 0.5)
    found = calibrate(np.ones(3), errors, half, half)
    # Which of the two halves is wider the errors do not tell; their sum they do.
    assert np.hypot(found.process, found.noise) == pytest.approx(np.sqrt(2 * 3.0), abs=0.15)


def test_no_trials_tell_nothing_and_two_little() -> None:
    none = calibrate(np.zeros(0), np.zeros((0, 5)), np.zeros((0, 5)), np.zeros((0, 5)))
    assert (none.process, none.noise) == (1.0, 1.0)
    two = calibrate(ONE, np.array([[6.0, -6.0]]), np.ones((1, 2)), np.full((1, 2), 1e-6))
    # Six times the sd twice: the prior, two thirds of an sd of whose logarithm is 1.3, gives way.
    assert 1.7 < two.process < 3.5


def test_the_width_is_known_with_more_degrees_of_freedom_the_more_trials_there_are() -> None:
    def df(count: int) -> float:
        noises = np.full((1, count), 1e-6)
        return calibrate(ONE, normal(1, count), np.ones((1, count)), noises).df

    # The variance of n normal errors has n degrees; the prior, of log sd .4, has about 4.
    assert df(1) == pytest.approx(4.0, abs=1.5)
    assert df(100) == pytest.approx(104.0, rel=0.1)
