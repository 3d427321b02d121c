"""Metrics by hand and against scikit-learn; standard errors against resampling."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from workers.metrics import bits_per_byte, calibration_error, choice_estimates, mean_of


def test_bits_per_byte_and_its_standard_error_by_hand() -> None:
    # Bits 2, 6, 4 on bytes 1, 3, 4: 12 bits over 8 bytes are 1.5.
    # Residuals 2 - 1.5, 6 - 4.5, 4 - 6 have squares .25, 2.25, 4, sum 6.5.
    # Standard error sqrt(6.5 / 2 / 3) / (8 / 3) = 0.390312...
    nats = np.array([2.0, 6.0, 4.0]) * math.log(2)
    value, standard_error = bits_per_byte(nats, np.array([1.0, 3.0, 4.0]))
    assert value == pytest.approx(1.5, rel=1e-12)
    assert standard_error == pytest.approx(0.3903124, rel=1e-6)


def test_equal_items_have_no_standard_error() -> None:
    assert bits_per_byte(np.full(4, 8 * math.log(2)), np.full(4, 4.0)) == pytest.approx((2.0, 0.0))


@settings(deadline=None, max_examples=30)
@given(
    bits=st.lists(st.floats(0.1, 100.0), min_size=2, max_size=20),
    scale=st.floats(0.5, 20.0),
)
def test_with_answers_of_one_length_the_standard_error_is_that_of_a_mean(
    bits: list[float], scale: float
) -> None:
    nats = np.array(bits) * math.log(2)
    value, standard_error = bits_per_byte(nats, np.full(len(bits), scale))
    assert value == pytest.approx(np.mean(bits) / scale)
    expected = np.std(bits, ddof=1) / math.sqrt(len(bits)) / scale
    assert standard_error == pytest.approx(expected, abs=1e-9)


def nats_of(*probabilities: float) -> np.ndarray:
    """Of choices with these probabilities; a common factor would change nothing."""
    return -np.log(np.array(probabilities)) + 3.0


# Three items: right and sure, wrong, right only when lengths count.
NATS = [nats_of(0.8, 0.2), nats_of(0.5, 0.3, 0.2), nats_of(0.6, 0.4)]
BYTES = [np.array([4.0, 4.0]), np.array([3.0, 3.0, 3.0]), np.array([2.0, 9.0])]
GOLD = [0, 2, 1]


def test_the_metrics_of_choosing_by_hand() -> None:
    found = choice_estimates(NATS, BYTES, GOLD)
    assert found["acc"].value == pytest.approx(1 / 3)
    assert found["acc_norm"].value == pytest.approx(2 / 3)
    assert found["choice_probability"].value == pytest.approx((0.8 + 0.2 + 0.4) / 3)
    # .04 + .04; .25 + .09 + .64; .36 + .36
    assert found["brier"].value == pytest.approx((0.08 + 0.98 + 0.72) / 3)
    # Confidences .8, .5, .6 lie in bins 12, 7 and 9 of 15: gaps .2, .5 and .6.
    assert found["ece"].value == pytest.approx((0.2 + 0.5 + 0.6) / 3)


def test_the_standard_error_of_accuracy_is_that_of_a_proportion() -> None:
    found = choice_estimates(NATS, BYTES, GOLD)
    assert found["acc"].standard_error == pytest.approx(math.sqrt(1 / 3 * 2 / 3 / 2))


def test_brier_is_twice_scikit_learns_for_two_choices() -> None:
    rng = np.random.default_rng(0)
    p, right = rng.uniform(0.05, 0.95, 50), rng.integers(0, 2, 50)
    nats = [nats_of(1 - one, one) for one in p]
    found = choice_estimates(nats, [np.ones(2)] * 50, right.tolist())
    assert found["brier"].value == pytest.approx(2 * brier_score_loss(right, p))


def test_gaps_of_one_bin_cancel_and_of_two_do_not() -> None:
    # .61 and .65 share the bin from .6 to .667; .91 stands alone.
    found = calibration_error(np.array([0.61, 0.65, 0.91]), np.array([1.0, 0.0, 1.0]))
    assert found.value == pytest.approx((abs(0.39 - 0.65) + 0.09) / 3)


def test_full_confidence_belongs_to_the_last_bin() -> None:
    found = calibration_error(np.array([1.0, 0.99]), np.array([0.0, 1.0]))
    assert found.value == pytest.approx(0.99 / 2)


def test_the_standard_error_of_calibration_is_that_of_resampling() -> None:
    """Where bins are clearly off; near calibration the error is biased and no form is exact."""
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.5, 1.0, 400)
    correct = (rng.uniform(size=400) < confidence - 0.3).astype(float)
    found = calibration_error(confidence, correct)
    picks = rng.integers(0, 400, (600, 400))
    spread = np.std([calibration_error(confidence[i], correct[i]).value for i in picks])
    assert found.standard_error == pytest.approx(spread, rel=0.1)


def test_the_mean_has_the_usual_standard_error() -> None:
    assert mean_of(np.array([1.0, 2.0, 3.0])) == pytest.approx((2.0, 1 / math.sqrt(3)))
