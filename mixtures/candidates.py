"""Mixtures worth a thought, with levels: drawn all over the space, refined where the posterior is
low.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.acquisition import expected_improvement
from mixtures.factors import Axis, Levels
from mixtures.polytope import Array, Region, step_to_border
from mixtures.search_gp import Posterior

_ROUNDS, _ELITES, _EACH = 4, 24, 8
# Shares closer than their rounding are one mixture.
_SAME = 1e-5
_KEPT_BY_MEAN, _KEPT_BY_PROMISE, _KEPT_ANYWHERE = 120, 160, 40
# A step changes a level with this probability, a number by so much of its range.
_LEVEL_CHANGES, _LEVEL_STEP = 0.25, 0.2


@dataclass(frozen=True, slots=True)
class LevelDraw:
    """Levels of full decays, some of them `held` where a proposal is for these."""

    axes: tuple[Axis, ...]
    held: Levels
    has_short: bool = False

    def draw(self, num: int, rng: np.random.Generator) -> Array:
        """(num, F)"""
        columns = [self._column(axis, num, rng) for axis in self.axes]
        columns += [np.zeros(num)] * self.has_short
        return np.array(columns).reshape(len(columns), num).T

    def step(self, levels: Array, rng: np.random.Generator) -> Array:
        """Some of the levels (P, F) changed: categories drawn anew, numbers moved a little."""
        found = levels.copy()
        for place, axis in enumerate(self.axes):
            drawn = self._column(axis, len(levels), rng)
            if not axis.codes:
                near = found[:, place] + _LEVEL_STEP * rng.standard_normal(len(levels))
                drawn = _rounded(axis, near)
            changes = rng.random(len(levels)) < _LEVEL_CHANGES
            found[:, place] = np.where(changes, drawn, found[:, place])
        return found

    def _column(self, axis: Axis, num: int, rng: np.random.Generator) -> Array:
        if axis.name in self.held:
            return np.full(num, axis.encode(self.held[axis.name]))
        if axis.codes:
            return np.asarray(rng.choice(axis.codes, num))
        return _rounded(axis, rng.random(num))


def _rounded(axis: Axis, at: Array) -> Array:
    """As the level will be written down."""
    return np.array([axis.encode(axis.decode(one)) for one in at.tolist()])


def candidates(
    posterior: Posterior,
    regions: Sequence[Region],
    pool: Sequence[Array],
    tried: Array,
    levels: LevelDraw,
    rng: np.random.Generator,
) -> Array:
    """(P, K + F) points. `pool` are mixtures drawn from each region; `tried` (N, K + F) are not
    offered again.

    Each round steps from the best so far along lines between drawn mixtures, some as far as the
    region goes: the best mixture often lies on its border.
    """
    found, means, promises = [], [], []
    lowest = float(posterior.mean(tried).min())
    for region, drawn in zip(regions, pool, strict=True):
        num = drawn.shape[1]
        points = np.column_stack([drawn, levels.draw(len(drawn), rng)])
        mean, promise = _judged(posterior, points, lowest)
        for round_ in range(_ROUNDS if region.dimension or levels.axes else 0):
            elites = np.union1d(np.argsort(mean)[:_ELITES], np.argsort(-promise)[:_ELITES])
            start = np.repeat(points[elites], _EACH, axis=0)
            mixtures = start[:, :num]
            if region.dimension:
                mixtures = _steps(region, points[:, :num], mixtures, 0.5**round_, rng)
            new = np.column_stack([mixtures, levels.step(start[:, num:], rng)])
            new_mean, new_promise = _judged(posterior, new, min(lowest, float(mean.min())))
            points = np.concatenate([points, new])
            mean, promise = np.r_[mean, new_mean], np.r_[promise, new_promise]
        found.append(points)
        means.append(mean)
        promises.append(promise)
    points, mean, promise = np.concatenate(found), np.concatenate(means), np.concatenate(promises)
    is_new = np.array([np.abs(tried - row).max(axis=1).min() > _SAME for row in points])
    points, mean, promise = points[is_new], mean[is_new], promise[is_new]
    kept = np.unique(
        np.r_[
            np.argsort(mean)[:_KEPT_BY_MEAN],
            np.argsort(-promise)[:_KEPT_BY_PROMISE],
            rng.choice(len(points), min(_KEPT_ANYWHERE, len(points)), replace=False),
        ]
    )
    return np.asarray(points[kept])


def _judged(posterior: Posterior, points: Array, lowest: float) -> tuple[Array, Array]:
    """Mean, and expected improvement on `lowest`: both say where to look closer."""
    mean, sd = posterior.mean(points), np.sqrt(posterior.variance(points))
    return mean, expected_improvement((lowest - mean) / sd, sd)


def _steps(
    region: Region, points: Array, start: Array, scale: float, rng: np.random.Generator
) -> Array:
    pairs = rng.integers(len(points), size=(len(start), 2))
    directions = points[pairs[:, 0]] - points[pairs[:, 1]]
    # A quarter of the steps trade one source for another, as far as the region's plane allows.
    swaps = rng.random(len(start)) < 0.25
    trade = rng.standard_normal((len(start), region.dimension)) @ region.basis.T
    directions[swaps] = trade[swaps]
    # In the plane: of two equal mixtures the difference is rounding, and leads anywhere.
    directions = (directions @ region.basis) @ region.basis.T
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    directions = np.where(lengths > 1e-6, directions / np.maximum(lengths, 1e-6), 0.0)
    # No two mixtures lie further apart than sqrt(2); of no direction there is no border.
    room = np.minimum(step_to_border(region, start, directions), 2.0)
    wanted = np.abs(rng.standard_normal(len(start))) * 0.3 * scale
    to_border = rng.random(len(start)) < 0.2
    step = np.where(to_border, room, np.minimum(wanted, room))
    return np.asarray(start + step[:, None] * directions)
