"""The mixtures that linear rules leave: a polytope, whether it is empty and why, points inside it.

Rejection sampling from the simplex dies at about seven sources (Ax #3867): hardly any point of a
Dirichlet meets a handful of bounds. So points come from a walk that never leaves the polytope:
hit-and-run (Smith 1984, Operations Research 32(6), 1296-1308), many chains side by side from
between the corners and the Chebyshev centre, with directions scaled to the polytope's own shape.
Why a space is empty is said by an irreducible infeasible subset (deletion filter: Chinneck and
Dravnieks 1991, ORSA Journal on Computing 3(2), 157-168); HiGHS in scipy solves the programs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

# Slack under which a rule counts as tight everywhere: HiGHS itself keeps rules to 1e-7.
_TIGHT = 1e-7
_NUM_CHAINS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`coefficients @ w <= bound`, or `== bound`. `name` is for people; None: true of any mixture.

    `field` is where the user wrote it.
    """

    coefficients: Array
    bound: float
    is_equal: bool = False
    name: str | None = None
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A polytope that is not empty, with what sampling it needs.

    `upper @ w <= bound` holds everywhere in it; w moves in the span of `basis` (n, d) alone, whose
    columns are orthonormal; `centre` is the centre of the largest ball inside, of `radius`.
    """

    upper: Array
    bound: Array
    basis: Array
    centre: Array
    radius: float

    @property
    def dimension(self) -> int:
        return int(self.basis.shape[1])

    def contains(self, point: Array, tolerance: float = 1e-6) -> bool:
        """Whether the point (n,) keeps all rules, within `tolerance` of a share."""
        off = point - self.centre
        leaves_plane = off - self.basis @ (self.basis.T @ off)
        return bool(
            np.all(self.upper @ point <= self.bound + tolerance)
            and np.all(np.abs(leaves_plane) <= tolerance)
        )


def conflict(rules: Sequence[Rule]) -> list[Rule]:
    """Rules that no mixture meets together, none of them to spare; empty where a mixture does."""
    if _is_feasible(rules):
        return []
    kept = list(rules)
    for rule in rules:
        without = [other for other in kept if other is not rule]
        if rule.name is not None and not _is_feasible(without):
            kept = without
    return [rule for rule in kept if rule.name is not None]


def region(rules: Sequence[Rule]) -> Region:
    """The polytope of rules that do not conflict.

    Inequalities that are tight everywhere in it count as equalities, or it would have no inside.
    """
    equal = [rule for rule in rules if rule.is_equal]
    upper = [rule for rule in rules if not rule.is_equal]
    tight = _tight_everywhere(upper, equal)
    equal += [rule for rule, is_tight in zip(upper, tight, strict=True) if is_tight]
    upper = [rule for rule, is_tight in zip(upper, tight, strict=True) if not is_tight]
    basis = _null_space(np.array([rule.coefficients for rule in equal]))
    matrix = np.array([rule.coefficients for rule in upper]).reshape(len(upper), len(basis))
    bound = np.array([rule.bound for rule in upper])
    norms = np.linalg.norm(matrix @ basis, axis=1)
    num = len(basis)
    found = _solve(
        np.r_[np.zeros(num), -1.0],
        A_ub=np.c_[matrix, norms] if len(upper) else None,
        b_ub=bound if len(upper) else None,
        A_eq=np.c_[np.array([rule.coefficients for rule in equal]), np.zeros(len(equal))],
        b_eq=np.array([rule.bound for rule in equal]),
        bounds=[(None, None)] * num + [(0.0, 1.0)],
    )
    assert found.status == 0, found.message
    return Region(
        upper=matrix,
        bound=bound,
        basis=basis,
        centre=np.asarray(found.x[:num]),
        radius=float(found.x[num]),
    )


def hit_and_run(space: Region, num_points: int, rng: np.random.Generator) -> Array:
    """(num_points, n) mixtures, uniform over the region as far as the walk has mixed."""
    if space.dimension == 0:
        return np.repeat(space.centre[None, :], num_points, axis=0)
    # Corners tell the region's shape: without it, a walk in a long thin one mixes for ever.
    corners = vertices(space, _NUM_CHAINS, rng)
    start = rng.dirichlet(np.ones(_NUM_CHAINS), _NUM_CHAINS) @ corners
    start = 0.9 * start + 0.1 * space.centre
    scale = _shape(space, corners)
    walked = _walk(space, start, scale, 20 * space.dimension, rng, keep_every=space.dimension)
    start, scale = walked[-_NUM_CHAINS:], _shape(space, walked)
    rounds = -(-num_points // _NUM_CHAINS)
    apart = max(10, 2 * space.dimension)
    walked = _walk(space, start, scale, rounds * apart, rng, keep_every=apart)
    return walked[:num_points]


def vertices(space: Region, num_points: int, rng: np.random.Generator) -> Array:
    """(num_points, n) corners of the region, those furthest in random directions."""
    if space.dimension == 0:
        return np.repeat(space.centre[None, :], num_points, axis=0)
    found = []
    for direction in rng.standard_normal((num_points, space.dimension)):
        # In coordinates of the plane itself: then there are no equalities to keep.
        answer = _solve(
            direction,
            A_ub=space.upper @ space.basis,
            b_ub=space.bound - space.upper @ space.centre,
            bounds=(None, None),
        )
        assert answer.status == 0, answer.message
        found.append(space.centre + space.basis @ answer.x)
    return np.array(found)


def step_to_border(space: Region, points: Array, directions: Array) -> Array:
    """(num,) how many times its direction each point may move before it leaves the region."""
    room = np.maximum(space.bound - points @ space.upper.T, 0.0)
    speed = directions @ space.upper.T
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(speed > 1e-12, room / speed, np.inf)
    return np.asarray(steps.min(axis=1))


def _shape(space: Region, points: Array) -> Array:
    """(n, d): times standard normals, steps as long in each direction as the region is."""
    inside = (points - points.mean(axis=0)) @ space.basis
    covariance = inside.T @ inside / len(inside)
    floor = 1e-6 * float(np.trace(covariance)) / space.dimension
    return np.asarray(
        space.basis @ np.linalg.cholesky(covariance + floor * np.eye(space.dimension))
    )


def _walk(
    space: Region, start: Array, scale: Array, steps: int, rng: np.random.Generator, keep_every: int
) -> Array:
    """The chains' places after every `keep_every` steps, oldest first."""
    points, kept = start.copy(), []
    for step in range(1, steps + 1):
        directions = rng.standard_normal((len(points), scale.shape[1])) @ scale.T
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        forward = step_to_border(space, points, directions)
        back = step_to_border(space, points, -directions)
        at = rng.random(len(points)) * (forward + back) - back
        points = points + at[:, None] * directions
        if step % keep_every == 0:
            # Rounding drifts off the plane; put back what it took.
            off = points - space.centre
            points = space.centre + (off @ space.basis) @ space.basis.T
            kept.append(points)
    return np.concatenate(kept)


def _is_feasible(rules: Sequence[Rule]) -> bool:
    num = len(rules[0].coefficients)
    equal = [rule for rule in rules if rule.is_equal]
    upper = [rule for rule in rules if not rule.is_equal]
    found = _solve(
        np.zeros(num),
        A_ub=np.array([rule.coefficients for rule in upper]) if upper else None,
        b_ub=[rule.bound for rule in upper] if upper else None,
        A_eq=np.array([rule.coefficients for rule in equal]) if equal else None,
        b_eq=[rule.bound for rule in equal] if equal else None,
        bounds=(None, None),
    )
    assert found.status in (0, 2), found.message
    return bool(found.status == 0)


def _tight_everywhere(upper: Sequence[Rule], equal: Sequence[Rule]) -> list[bool]:
    """Of each inequality, whether every point of the polytope meets it with equality.

    One program maximises the sum of all slacks, each counted up to a small cap; a rule whose slack
    is zero in it is then asked alone, because slack of one may cost slack of another.
    """
    if not upper:
        return []
    num, cap = len(upper[0].coefficients), 1e-3
    matrix = np.array([rule.coefficients for rule in upper])
    bound = np.array([rule.bound for rule in upper])
    of_equal = np.array([rule.coefficients for rule in equal]).reshape(len(equal), num)
    values = np.array([rule.bound for rule in equal])
    found = _solve(
        np.r_[np.zeros(num), -np.ones(len(upper))],
        A_ub=np.c_[matrix, np.eye(len(upper))],
        b_ub=bound,
        A_eq=np.c_[of_equal, np.zeros((len(equal), len(upper)))],
        b_eq=values,
        bounds=[(None, None)] * num + [(0.0, cap)] * len(upper),
    )
    assert found.status == 0, found.message
    slack = bound - matrix @ found.x[:num]
    for index in np.flatnonzero(slack <= _TIGHT):
        alone = _solve(
            matrix[index],
            A_ub=matrix,
            b_ub=bound,
            A_eq=of_equal,
            b_eq=values,
            bounds=(None, None),
        )
        slack[index] = bound[index] - alone.fun
    return [bool(one <= _TIGHT) for one in slack]


def _solve(cost: Array, **program: Any) -> Any:
    """The linear program by HiGHS; see scipy.optimize.linprog."""
    # Imported here: SciPy takes half a second, and whoever names a study would wait for it.
    from scipy.optimize import linprog

    return linprog(cost, method="highs", **program)


def _null_space(rows: Array) -> Array:
    """(n, d) orthonormal columns that all rows (m, n) are perpendicular to."""
    from scipy.linalg import null_space

    return np.asarray(null_space(rows, rcond=1e-9))
