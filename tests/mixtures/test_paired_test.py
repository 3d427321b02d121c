"""Paired t, sign flips and Holm, against scipy, an enumeration and numbers by hand."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from mixtures.paired_test import holm, paired_test, sign_flip_p

# Student 1908, section "Illustrations of method": hours of sleep gained, hyoscyamine L less D.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_one_two_three_by_hand() -> None:
    found = paired_test([1.0, 2.0, 3.0])
    # Mean 2, sd 1, standard error 1 / sqrt(3); t(.975, 2) is 4.30265, t = 2 sqrt(3) = 3.4641.
    half = 4.302653 / 3**0.5
    assert (found.num, found.mean, found.sd) == (3, 2.0, 1.0)
    assert found.interval == pytest.approx((2 - half, 2 + half), rel=1e-6)
    assert found.p_t == pytest.approx(0.0741799, rel=1e-6)
    # Of the eight choices of signs only +++ and --- have a sum of 6 or more.
    assert found.p_sign_flip == 2 / 8


def test_students_own_example_and_scipy_agree() -> None:
    found = paired_test(SLEEP)
    by_scipy = stats.ttest_1samp(SLEEP, 0.0)
    interval = by_scipy.confidence_interval(0.95)
    assert found.mean == pytest.approx(1.58)  # as printed
    assert found.p_t == pytest.approx(by_scipy.pvalue, rel=1e-12)
    assert found.interval == pytest.approx((interval.low, interval.high), rel=1e-12)
    flips = stats.permutation_test((SLEEP,), np.mean, permutation_type="samples", n_resamples=2**11)
    assert found.p_sign_flip == pytest.approx(flips.pvalue, rel=1e-12)


@pytest.mark.parametrize("num", [1, 2, 3, 8, 11])
def test_flips_of_signs_are_all_counted(num: int) -> None:
    rng = np.random.default_rng(num)
    for _ in range(20):
        # Whole numbers, so that sums are often equal.
        values = rng.integers(-3, 6, num).astype(float)
        sums = [abs(float(np.dot(signs, values))) for signs in product((-1, 1), repeat=num)]
        expected = np.mean([one >= abs(values.sum()) for one in sums])
        assert sign_flip_p(values) == pytest.approx(expected, abs=1e-12)
        # Tenths, of which equal sums differ by rounding.
        assert sign_flip_p(values / 10) == pytest.approx(expected, abs=1e-12)


def test_the_least_p_of_eight_seeds_and_of_thirty_two() -> None:
    assert paired_test([0.1] * 8).p_sign_flip == 2 / 256
    assert paired_test([0.1] * 32).p_sign_flip == 2 / 2**32


def test_without_noise_the_interval_is_a_point() -> None:
    found = paired_test([0.25, 0.25])
    assert (found.interval, found.p_t, found.sd) == ((0.25, 0.25), 0.0, 0.0)
    assert (paired_test([0.0, 0.0]).p_t, paired_test([0.0, 0.0]).p_sign_flip) == (1.0, 1.0)
    alone = paired_test([0.25])
    assert (alone.interval, alone.p_t, alone.p_sign_flip) == (None, None, 1.0)
    with pytest.raises(ValueError, match="expected one or more"):
        paired_test([])


def test_holm_by_hand() -> None:
    # .01 x 4, then .02 x 3 = .06, then .03 x 2 = .06 (never below the one before), then .9 x 1.
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []
