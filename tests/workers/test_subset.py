"""Subsets look like the whole, and are drawn by seed."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.subset import draw_subset


def test_each_stratum_gets_its_share() -> None:
    strata = ["a"] * 50 + ["b"] * 30 + ["c"] * 20
    chosen = draw_subset(strata, 10, "x", 0)
    assert Counter(strata[index] for index in chosen) == {"a": 5, "b": 3, "c": 2}


def test_it_is_not_the_first_of_the_file_and_depends_on_the_seed() -> None:
    drawn = [draw_subset([""] * 200, 20, "x", seed) for seed in range(6)]
    assert draw_subset([""] * 200, 20, "x", 3) == drawn[3]
    assert len({tuple(one) for one in drawn}) == 6
    assert all(max(one) > 120 and min(one) < 80 for one in drawn)


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=60), st.integers(1, 70))
def test_shares_are_within_one_item(strata: list[str], size: int) -> None:
    chosen = draw_subset(strata, size, "x", 0)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(size, len(strata))
    for stratum, count in Counter(strata).items():
        share = len(chosen) * count / len(strata)
        assert abs(sum(strata[index] == stratum for index in chosen) - share) < 1


@pytest.mark.parametrize("size", [1, 2])
def test_a_subset_smaller_than_the_strata_is_still_drawn(size: int) -> None:
    assert len(draw_subset(list("abcdef"), size, "x", 1)) == size
