"""The rules of a verdict at each of their edges, by hand."""

import pytest

from mixtures.verdict import (
    Interval,
    apart,
    at_least,
    better,
    different,
    equal,
    holds,
    inside,
    not_worse,
)

YES, NO, OPEN = "supported", "not supported", "undecided"


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        ((0.61, 0.68), YES),
        ((0.60, 0.69), YES),  # its very ends are inside
        ((0.59, 0.68), OPEN),
        ((0.30, 0.60), OPEN),  # one share in common is a part of both
        ((0.30, 0.5999), NO),
        ((0.6901, 0.90), NO),
        ((0.00, 1.00), OPEN),
    ],
)
def test_a_best_share_inside_a_range(interval: Interval, word: str) -> None:
    assert inside(interval, 0.60, 0.69) == word


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        ((0.50, 0.80), YES),  # as wide as it may be
        ((0.50, 0.81), OPEN),
        ((0.64, 0.70), YES),
        ((0.65, 0.70), NO),
        ((0.00, 0.63), NO),
    ],
)
def test_a_best_share_is_a_value(interval: Interval, word: str) -> None:
    assert holds(interval, 0.64, 0.15) == word


# Losses, first minus second, with a margin of 0.1: (better, not_worse, equal, different).
CASES = [
    ((-0.5, -0.01), YES, YES, NO, YES),
    ((-0.5, 0.0), OPEN, YES, OPEN, OPEN),
    ((-0.15, 0.04), OPEN, YES, YES, NO),
    ((-0.1, 0.1), OPEN, OPEN, OPEN, OPEN),  # not below the margin, not narrower than twice it
    ((-0.09, 0.09), NO, YES, YES, NO),
    ((-0.05, 0.3), NO, OPEN, OPEN, OPEN),
    ((0.0, 0.05), NO, YES, YES, NO),
    ((0.001, 0.05), NO, NO, NO, YES),  # clearly worse, however little
    ((0.2, 0.9), NO, NO, NO, YES),
    ((-2.0, 2.0), OPEN, OPEN, OPEN, OPEN),
]


@pytest.mark.parametrize(("loss", "is_better", "is_not_worse", "is_equal", "is_different"), CASES)
def test_a_comparison(
    loss: Interval, is_better: str, is_not_worse: str, is_equal: str, is_different: str
) -> None:
    found = [rule(loss, 0.1) for rule in (better, not_worse, equal, different)]
    assert found == [is_better, is_not_worse, is_equal, is_different]


@pytest.mark.parametrize(
    ("intervals", "word"),
    [
        ([(0.0, 0.2), (0.3, 0.9)], YES),
        ([(0.0, 0.3), (0.3, 0.6)], NO),  # they meet, and none is wider than 0.3
        ([(0.0, 0.3), (0.3, 0.7)], OPEN),
        ([(0.0, 1.0), (0.1, 0.2), (0.3, 0.4)], YES),  # two of the three
        ([(0.4, 0.5), (0.45, 0.6), (0.48, 0.7)], NO),
    ],
)
def test_best_shares_apart(intervals: list[Interval], word: str) -> None:
    assert apart(intervals, 0.15) == word


@pytest.mark.parametrize(
    ("intervals", "word"),
    [
        ([(0.7, 0.9)], YES),
        ([(0.69, 0.9)], OPEN),
        ([(0.8, 0.9), (0.1, 0.69)], NO),
        ([(0.8, 0.9), (0.1, 0.70)], OPEN),
    ],
)
def test_rank_correlations_above_a_bound(intervals: list[Interval], word: str) -> None:
    assert at_least(intervals, 0.7) == word
