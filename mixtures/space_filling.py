"""Mixtures that fill a space: where nothing is known yet, or where there is no time to think.

Many mixtures are drawn from the region, then those are taken that stand for all (k-means over the
square roots of the shares, in which small shares count: from 1 % to 4 % is as far as from 16 % to
25 %). A part of what is drawn is pulled towards corners, since a uniform draw over 20 sources never
comes near one: its largest share is about a sixth.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mixtures.polytope import Array, Region, hit_and_run, region, vertices
from mixtures.value import hash_text

if TYPE_CHECKING:
    from mixtures.study import StudySpec

# Mixtures drawn for each that is wanted: enough that the k-means is not of the draw.
_DRAWN_PER_POINT = 20
_LEAST_DRAWN, _MOST_DRAWN = 512, 4_000
_NUM_CORNERS = 48


def regions_of(study: "StudySpec") -> list[Region]:
    """The space as polytopes, one for each SFT share where these are listed."""
    return [region(study.space_rules(sft_share)) for sft_share in study.space.slices]


def draw(regions: Sequence[Region], num_points: int, rng: np.random.Generator) -> Array:
    """(num_points, n) mixtures: half of them uniform, half pulled towards corners."""
    found = []
    for space, num in zip(regions, _split(num_points, len(regions)), strict=True):
        inner = hit_and_run(space, num, rng)
        if space.dimension and num:
            corners = vertices(space, min(_NUM_CORNERS, num), rng)
            for row in range(0, num, 2):
                few = corners[rng.integers(len(corners), size=rng.integers(1, 4))]
                towards = rng.dirichlet(np.ones(len(few))) @ few
                pull = rng.random()
                inner[row] = pull * towards + (1 - pull) * inner[row]
        found.append(inner)
    drawn = np.concatenate(found)
    return np.asarray(rng.permutation(drawn))


def space_filling(
    regions: Sequence[Region], num_points: int, seed: int, tried: Array | None = None
) -> Array:
    """(num_points, n) mixtures of the space, the whole of it first and details later.

    `tried` (m, n) are there already and their surroundings are left out. Everything is drawn from
    `seed`. On a line the points lie evenly, both ends among them.
    """
    rng = named_rng("space_filling", seed, num_points, 0 if tried is None else len(tried))
    if num_points == 0:
        return np.empty((0, len(regions[0].centre)))
    num_tried = 0 if tried is None else len(tried)
    num = int(np.clip(_DRAWN_PER_POINT * (num_points + num_tried), _LEAST_DRAWN, _MOST_DRAWN))
    if tried is not None and num_tried:
        return farthest(draw(regions, num, rng), num_points, tried)
    if len(regions) == 1 and regions[0].dimension == 1:
        found = _along_the_line(regions[0], num_points)
    else:
        each = [
            _representatives(draw([space], num // len(regions), rng), wanted, rng)
            if space.dimension
            else np.tile(space.centre, (wanted, 1))
            for space, wanted in zip(regions, _split(num_points, len(regions)), strict=True)
            if wanted
        ]
        found = np.concatenate(each)
    start = int(np.argmin(np.sum((found - found.mean(axis=0)) ** 2, axis=1)))
    ordered = farthest(np.delete(found, start, axis=0), num_points - 1, found[[start]])
    return np.array([found[start], *ordered])


def farthest(points: Array, num_points: int, from_points: Array) -> Array:
    """(num_points, n) of `points`, each the one that lies furthest from all before it."""
    roots, others = np.sqrt(np.maximum(points, 0)), np.sqrt(np.maximum(from_points, 0))
    distance = np.min(
        np.sum(roots**2, axis=1)[:, None] + np.sum(others**2, axis=1) - 2 * roots @ others.T, axis=1
    )
    picked = []
    for _ in range(min(num_points, len(points))):
        index = int(np.argmax(distance))
        picked.append(index)
        distance = np.minimum(distance, np.sum((roots - roots[index]) ** 2, axis=1))
        distance[index] = -np.inf
    return points[picked]


def named_rng(*names: object) -> np.random.Generator:
    """A generator of its own for each purpose: the same names draw the same numbers."""
    return np.random.default_rng(int(hash_text(repr(names)), 16))


def _split(num: int, parts: int) -> list[int]:
    return [num // parts + (index < num % parts) for index in range(parts)]


def _along_the_line(space: Region, num_points: int) -> Array:
    direction = space.basis[:, 0]
    rates = space.upper @ direction
    room = space.bound - space.upper @ space.centre
    high = np.min(room[rates > 1e-12] / rates[rates > 1e-12])
    low = np.max(room[rates < -1e-12] / rates[rates < -1e-12])
    at = np.linspace(low, high, num_points) if num_points > 1 else np.array([(low + high) / 2])
    return np.asarray(space.centre + at[:, None] * direction)


def _representatives(drawn: Array, num_points: int, rng: np.random.Generator) -> Array:
    """The drawn mixture nearest to each of `num_points` centres, no one twice."""
    roots = np.sqrt(np.maximum(drawn, 0))
    # Not above: a controller at rest does without it.
    from scipy.cluster.vq import kmeans2

    centres, _ = kmeans2(roots, num_points, iter=10, minit="++", rng=rng, missing="warn")
    picked: list[int] = []
    for centre in centres:
        distance = np.sum((roots - centre) ** 2, axis=1)
        distance[picked] = np.inf
        picked.append(int(np.argmin(distance)))
    return np.asarray(drawn[picked])
