"""The points that a proposal chooses among: mixtures tried, those that run, new ones, short decays.

A point is a mixture with its levels. Of `proxy` and `decay.tokens` a proposal is for one level, the
one with the fewest trials, and looks for the best mixture there.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mixtures.candidates import LevelDraw, candidates
from mixtures.factors import Level, Levels, Range, words_of
from mixtures.polytope import Array, Region
from mixtures.search_data import SearchData, points_of
from mixtures.search_gp import Posterior
from mixtures.study import StudySpec

# Mixture, seed and levels of the trials that wait or run.
Pending = Sequence[tuple[Mapping[str, float], int, Mapping[str, Level]]]

# Seeds of one mixture, beyond which a further one says little.
MOST_SEEDS = 8
_LEADERS = 160
# New mixtures that are offered as short decays too, half for their mean and half all over.
_SHORT = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Points:
    """P points; `kept` are the rows of the data that come first. `counts` marks those that may be
    recommended, `allowed` those that may be run.
    """

    points: Array
    kept: tuple[int, ...]
    pending: range
    counts: NDArray[np.bool_]
    allowed: NDArray[np.bool_]

    @property
    def is_repeat(self) -> NDArray[np.bool_]:
        return np.arange(len(self.points)) < len(self.kept)


def held_in_turn(study: StudySpec, data: SearchData, pending: Pending) -> list[Levels]:
    """The levels of factors of which no best one is sought, those with the fewest trials first; one
    that holds nothing for a study without such factors.
    """
    each = [axis for axis in study.axes if axis.is_each and not isinstance(axis.factor, Range)]
    names = [axis.name for axis in each]
    lists = [axis.factor for axis in each if not isinstance(axis.factor, Range)]
    combinations: list[Levels] = [
        {str(name): level for name, level in zip(names, levels, strict=True)}
        for levels in product(*lists)
    ]

    def words(levels: Mapping[str, Level]) -> str:
        return words_of({name: levels[name] for name in names})

    num_trials: Counter[str] = Counter()
    for own, seeds in zip(data.factors, data.seeds, strict=True):
        num_trials[words(own)] += len(seeds)
    for _, _, levels in pending:
        num_trials[words(levels)] += 1
    return sorted(combinations, key=lambda held: num_trials[words(held)])


def points_to_choose_from(
    study: StudySpec,
    data: SearchData,
    posterior: Posterior,
    spaces: tuple[Sequence[Region], Sequence[Array]],
    held: Levels,
    pending: Pending,
    rng: np.random.Generator,
) -> Points:
    """`spaces` are the study's regions and mixtures drawn from each."""
    regions, pool = spaces
    draw = LevelDraw(study.axes, held, data.layout.has_short)
    new = candidates(posterior, regions, pool, data.points, draw, rng)
    kept = _leaders(study, data, posterior, regions, held)
    waiting = points_of(study, [(shares, levels) for shares, _, levels in pending])
    short = _short(posterior, new, rng) if data.layout.has_short else new[:0]
    points = np.concatenate([data.points[kept], waiting, new, short])
    allowed = np.ones(len(points), dtype=bool)
    allowed[: len(kept)] = [len(data.seeds[row]) < MOST_SEEDS for row in kept]
    allowed[len(kept) : len(kept) + len(waiting)] = False
    return Points(
        points=points,
        kept=tuple(kept),
        pending=range(len(kept), len(kept) + len(waiting)),
        counts=_is_held(study, points, held) & ~data.layout.is_short(points),
        allowed=allowed,
    )


def _leaders(
    study: StudySpec,
    data: SearchData,
    posterior: Posterior,
    regions: Sequence[Region],
    held: Levels,
) -> list[int]:
    """Rows of the mixtures tried inside the space that could still be the best: the others would
    cost time in squares and change nothing.
    """
    fits = _is_held(study, data.points, held) & ~data.layout.is_short(data.points)
    inside = [
        row
        for row, shares in enumerate(data.shares)
        if fits[row] and any(region.contains(shares, 1e-5) for region in regions)
    ]
    if not inside:
        return []
    mean = posterior.mean(data.points[inside])
    return [inside[place] for place in np.sort(np.argsort(mean)[:_LEADERS])]


def _short(posterior: Posterior, new: Array, rng: np.random.Generator) -> Array:
    """New mixtures as short decays."""
    by_mean = np.argsort(posterior.mean(new))[: _SHORT // 2]
    anywhere = rng.choice(len(new), min(_SHORT // 2, len(new)), replace=False)
    found = new[np.union1d(by_mean, anywhere)].copy()
    found[:, -1] = 1.0
    return np.asarray(found)


def _is_held(study: StudySpec, points: Array, held: Levels) -> NDArray[np.bool_]:
    fits = np.ones(len(points), dtype=bool)
    for place, axis in enumerate(study.axes):
        if axis.name in held:
            code = axis.encode(held[axis.name])
            fits &= np.abs(points[:, len(study.sources) + place] - code) < 1e-9
    return fits
