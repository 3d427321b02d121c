"""A row's figures, read off draws that are written by hand."""

import numpy as np
import pytest

from mixtures.best_of_pool import best_of_pool
from mixtures.row_posterior import probability_in_top, row_posteriors

# Four draws of three mixtures.
DRAWS = np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [2.0, 1.0, 4.0], [1.0, 2.0, 4.0]])
ALL = np.arange(3)


def test_being_among_the_two_best_is_counted_draw_by_draw() -> None:
    found = probability_in_top(DRAWS, ALL, 3, 2)
    assert found == pytest.approx([1.0, 0.75, 0.25])
    assert found.sum() == pytest.approx(2.0)


def test_what_was_not_drawn_is_never_among_the_best() -> None:
    assert probability_in_top(DRAWS, np.array([0, 2, 3]), 5, 1) == pytest.approx(
        [0.75, 0.0, 0.25, 0.0, 0.0]
    )


def test_fewer_mixtures_than_k_are_all_among_the_k_best() -> None:
    assert probability_in_top(DRAWS, ALL, 3, 5) == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_row_has_its_own_direction_and_a_regret_that_is_not_negative(sign: float) -> None:
    mean, sd = np.array([1.25, 2.0, 3.25]), np.array([0.5, 1.0, 1.0])
    best = best_of_pool(mean, DRAWS, ALL)
    first, second, third = row_posteriors(
        mean, sd, probability_in_top(DRAWS, ALL, 3, 2), best, sign
    )
    assert (first.mean, second.mean, third.mean) == (sign * 1.25, sign * 2.0, sign * 3.25)
    assert first.interval == pytest.approx((sign * 1.25 - 0.98, sign * 1.25 + 0.98), abs=1e-4)
    assert (first.p_best, second.p_best, third.p_best) == (0.75, 0.25, 0.0)
    assert second.p_top_k == 0.75
    # Behind each draw's best: 0, 0, 1, 0 and 1, 2, 0, 1.
    assert first.expected_regret == pytest.approx(0.25)
    assert second.expected_regret == pytest.approx(1.0)
    assert (first.in_tie_group, third.in_tie_group) == (True, False)
