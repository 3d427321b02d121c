"""The polytope of mixtures: what empties it, where its inside is, points that stay in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mixtures.polytope import Rule, conflict, hit_and_run, region, vertices


def simplex(num: int) -> list[Rule]:
    return [
        Rule(coefficients=np.ones(num), bound=1.0, is_equal=True),
        *(Rule(coefficients=-np.eye(num)[index], bound=0.0) for index in range(num)),
    ]


def at_most(num: int, bound: float, *members: int, name: str = "rule") -> Rule:
    row = np.zeros(num)
    row[list(members)] = 1.0
    return Rule(coefficients=row, bound=bound, name=name)


def at_least(num: int, bound: float, *members: int, name: str = "rule") -> Rule:
    row = np.zeros(num)
    row[list(members)] = -1.0
    return Rule(coefficients=row, bound=-bound, name=name)


def test_a_conflict_names_the_rules_that_make_it_and_no_other() -> None:
    rules = [
        *simplex(4),
        at_most(4, 0.9, 0, name="innocent"),
        at_least(4, 0.5, 1, name="one"),
        at_most(4, 0.3, 1, 2, name="two"),
        at_least(4, 0.1, 3, name="innocent too"),
    ]
    assert [rule.name for rule in conflict(rules)] == ["one", "two"]


def test_caps_that_do_not_add_up_to_a_whole_are_all_named() -> None:
    rules = [*simplex(3), *(at_most(3, 0.3, i, name=f"cap {i}") for i in range(3))]
    assert [rule.name for rule in conflict(rules)] == ["cap 0", "cap 1", "cap 2"]
    assert conflict([*simplex(3), *(at_most(3, 0.34, i) for i in range(3))]) == []


def test_the_largest_ball_in_a_triangle_lies_where_geometry_puts_it() -> None:
    # The simplex of three shares is a triangle of side sqrt(2): its inradius is side / (2 sqrt 3).
    found = region(simplex(3))
    assert found.dimension == 2
    assert found.centre == pytest.approx([1 / 3] * 3)
    assert found.radius == pytest.approx(np.sqrt(2) / (2 * np.sqrt(3)))


def test_rules_that_pin_a_share_take_a_dimension_away() -> None:
    pinned = [*simplex(4), at_most(4, 0.25, 0), at_least(4, 0.25, 0)]
    found = region(pinned)
    assert found.dimension == 2
    points = hit_and_run(found, 100, np.random.default_rng(0))
    assert points[:, 0] == pytest.approx(np.full(100, 0.25))


def test_a_single_mixture_is_a_region_of_no_dimension() -> None:
    found = region([*simplex(2), at_most(2, 0.25, 0), at_least(2, 0.25, 0)])
    assert found.dimension == 0
    assert hit_and_run(found, 3, np.random.default_rng(0)) == pytest.approx(
        np.array([[0.25, 0.75]] * 3)
    )


def test_the_walk_over_a_simplex_is_uniform() -> None:
    # A share of a uniform draw over n shares is Beta(1, n - 1).
    points = hit_and_run(region(simplex(5)), 2000, np.random.default_rng(1))
    for share in points.T:
        assert stats.kstest(share, stats.beta(1, 4).cdf).pvalue > 0.001


def test_twenty_sources_under_bounds_are_filled_without_rejection() -> None:
    num = 20
    rules = [*simplex(num), at_most(num, 0.02, 0, 1, 2), at_least(num, 0.9, 3, 4)]
    found = region(rules)
    points = hit_and_run(found, 500, np.random.default_rng(2))
    assert points.shape == (500, num)
    assert points.sum(axis=1) == pytest.approx(np.ones(500))
    assert points.min() >= -1e-9
    assert points[:, :3].sum(axis=1).max() <= 0.02 + 1e-9
    assert points[:, 3:5].sum(axis=1).min() >= 0.9 - 1e-9
    # Both of the large ones move over most of what they may have.
    assert np.ptp(points[:, 3]) > 0.8


def test_corners_lie_on_as_many_rules_as_there_are_dimensions() -> None:
    found = region(simplex(4))
    corners = vertices(found, 20, np.random.default_rng(3))
    assert np.sort(corners, axis=1) == pytest.approx(np.array([[0, 0, 0, 1.0]] * 20), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(0, 2**31 - 1))
def test_every_point_keeps_every_rule(num: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside = rng.dirichlet(np.ones(num))
    rules = simplex(num)
    for _ in range(num):
        row = rng.standard_normal(num)
        rules.append(Rule(coefficients=row, bound=float(row @ inside) + rng.exponential(0.05)))
    assert conflict(rules) == []
    found = region(rules)
    for point in hit_and_run(found, 64, rng):
        assert found.contains(point)
        assert all(rule.coefficients @ point <= rule.bound + 1e-6 for rule in rules[1:])
