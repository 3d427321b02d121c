"""The search stays inside the convex hull of what was tried, and finds its best point."""

from typing import Any

import numpy as np
from scipy.optimize import linprog

from mixtures.surrogates.seam import Array
from mixtures.tried_region import (
    NUM_CONTENDERS,
    best_of_region,
    contenders_of_region,
    is_inside,
)


class Bowl:
    """Stands for a fit: the posterior mean is the distance to a point."""

    def __init__(self, center: list[float]) -> None:
        self.center = np.array(center)

    def predict(self, shares: Array) -> tuple[Array, Array]:
        mean = ((shares - self.center) ** 2).sum(axis=1)
        return mean, np.ones(len(shares))


def is_in_hull(point: Array, tried: Array) -> bool:
    equal = np.vstack([tried.T, np.ones(len(tried))])
    found = linprog(np.zeros(len(tried)), A_eq=equal, b_eq=np.append(point, 1.0))
    return bool(found.status == 0)


def search(center: list[float], tried: Array) -> Array:
    bowl: Any = Bowl(center)
    return best_of_region(bowl, tried, np.random.default_rng(0))


def test_a_best_point_between_the_trials_is_found() -> None:
    tried = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    assert np.abs(search([0.2, 0.5, 0.3], tried)[0] - [0.2, 0.5, 0.3]).max() < 0.02


def test_a_best_point_outside_is_not_gone_to() -> None:
    tried = np.random.default_rng(1).dirichlet(np.full(3, 5.0), size=10)
    found = search([1.0, 0.0, 0.0], tried)
    assert all(is_in_hull(point, tried) for point in found)
    assert not is_in_hull(np.array([1.0, 0.0, 0.0]), tried)
    assert found[0, 0] > tried[:, 0].max() - 0.02


def test_what_the_rules_forbid_is_never_kept() -> None:
    tried = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    bowl: Any = Bowl([0.2, 0.5, 0.3])
    found = best_of_region(
        bowl, tried, np.random.default_rng(0), lambda shares: shares[:, 1] <= 0.25
    )
    assert (found[:, 1] <= 0.25).all()
    # The best with a share of .25: what is left goes as .2 to .3, moved alike.
    assert np.abs(found[0] - [0.325, 0.25, 0.425]).max() < 0.03


class Valley:
    """Stands for a fit that knows the first share alone: the others may be anything."""

    def __init__(self, sd: float) -> None:
        self.sd = sd

    def predict(self, shares: Array) -> tuple[Array, Array]:
        return (shares[:, 0] - 0.5) ** 2, np.full(len(shares), self.sd)


def contenders(sd: float, tried: Array) -> Array:
    valley: Any = Valley(sd)
    best = np.array([0.5, 0.25, 0.25])
    return contenders_of_region(valley, best, tried, np.random.default_rng(0))


def test_what_may_be_best_too_is_spread_over_all_of_it() -> None:
    tried = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    found = contenders(0.01, tried)
    assert 100 < len(found) <= NUM_CONTENDERS
    # Behind by at most 3 sds of a difference, which are 3 x .01 x sqrt(2).
    assert ((found[:, 0] - 0.5) ** 2 <= 0.0425).all()
    assert np.ptp(found[:, 0]) > 0.38  # of .412
    # The second share is not known at all: from end to end of what the first leaves.
    assert found[:, 1].min() < 0.02 and found[:, 1].max() > 0.6


def test_nothing_else_may_be_best_where_all_is_known() -> None:
    tried = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    found = contenders(1e-6, tried)
    assert (np.abs(found[:, 0] - 0.5) < 0.003).all()


def test_inside_is_what_mixtures_of_the_tried_ones_make() -> None:
    tried = np.array([[0.8, 0.2, 0.0], [0.2, 0.8, 0.0], [0.2, 0.2, 0.6]])
    points = np.array(
        [
            [0.4, 0.4, 0.2],  # the mean of the three
            [0.5, 0.5, 0.0],  # on an edge
            [0.9, 0.1, 0.0],  # beyond a corner
            [0.1, 0.5, 0.4],  # outside though no share is larger than one tried
            [0.8, 0.2 - 1e-7, 1e-7],  # a corner, rounded
        ]
    )
    assert is_inside(points, tried).tolist() == [True, True, False, False, True]


def test_twelve_sources_agree_with_a_linear_program() -> None:
    rng = np.random.default_rng(0)
    tried = rng.dirichlet(np.ones(12), size=40)
    near = rng.dirichlet(np.full(40, 0.05), size=10) @ tried
    points = np.vstack([near, 1.5 * near - 0.5 * tried.mean(axis=0), rng.dirichlet(np.ones(12), 5)])
    expected = [is_in_hull(point, tried) for point in points]
    assert is_inside(points, tried).tolist() == expected
    assert True in expected and False in expected
