"""Inside or outside of a triangle, and of many sources against a linear program."""

import numpy as np
from scipy.optimize import linprog

from mixtures.tried_hull import inside_hull


def test_a_triangle_holds_its_corners_edges_and_middle_and_no_more() -> None:
    corners = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])
    points = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.5, 0.5, 0.0],
            [0.4, 0.4, 0.2],
            [0.0, 0.0, 1.0],
            [0.2, 0.2 - 1e-4, 0.6 + 1e-4],
        ]
    )
    assert inside_hull(points, corners).tolist() == [True, True, True, False, False]


def test_twelve_sources_agree_with_a_linear_program() -> None:
    rng = np.random.default_rng(0)
    tried = rng.dirichlet(np.ones(12), size=40)
    near = rng.dirichlet(np.full(40, 0.05), size=10) @ tried
    points = np.vstack([near, 1.5 * near - 0.5 * tried.mean(axis=0), rng.dirichlet(np.ones(12), 5)])

    def program(point: np.ndarray) -> bool:
        rows, bound = np.vstack([tried.T, np.ones(40)]), np.append(point, 1.0)
        return bool(linprog(np.zeros(40), A_eq=rows, b_eq=bound).status == 0)

    expected = [program(point) for point in points]
    assert inside_hull(points, tried).tolist() == expected
    assert True in expected and False in expected
