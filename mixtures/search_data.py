"""Scores so far, as the search fits them: a row a mixture, a target a benchmark.

Seeds order the tokens of all mixtures alike, so a seed moves all scores together; its effect is
taken out where mixtures have seeds in common. What then differs between the repeats of a mixture is
noise, and its variance is known with as many degrees of freedom as there are repeats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.factor_levels import SHORT
from mixtures.factors import Level
from mixtures.named_subset import subset_words
from mixtures.observation import Key, Observation
from mixtures.polytope import Array
from mixtures.search_gp import Measured
from mixtures.search_kernel import Layout
from mixtures.study import StudySpec

# Mixtures times benchmarks that are fitted one by one in time; beyond, the objective alone.
MOST_TARGETS = 4_000
# No benchmark's name: it has a character that names may not have.
OBJECTIVE = "(objective)"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchData:
    """N mixtures at their levels, as points (N, K + F) of the search; `parts` are (weight, targets)
    by benchmark, the weights summing to 1. `seeds` are those that each has run with. `subset` names
    what was left out, where anything was.
    """

    points: Array
    keys: tuple[Key, ...]
    layout: Layout
    mixtures: tuple[dict[str, float], ...]
    factors: tuple[dict[str, Level], ...]
    seeds: tuple[frozenset[int], ...]
    parts: dict[str, tuple[float, Measured]]
    subset: str | None

    @property
    def shares(self) -> Array:
        """(N, K)"""
        return self.points[:, : self.layout.num_sources]


def layout_of(study: StudySpec) -> Layout:
    """What a point of this study's search is made of."""
    has_short = study.short_tokens is not None
    categories = [axis.is_category for axis in study.axes]
    return Layout(
        num_sources=len(study.sources),
        is_category=(*categories, *([True] if has_short else [])),
        has_short=has_short,
    )


def points_of(
    study: StudySpec, trials: Sequence[tuple[Mapping[str, float], Mapping[str, Level]]]
) -> Array:
    """(N, K + F) of shares and levels."""
    names = [source.name for source in study.sources]
    has_short = study.short_tokens is not None
    rows = [
        [
            *(shares.get(name, 0.0) for name in names),
            *(axis.encode(levels[axis.name]) for axis in study.axes),
            *([float(SHORT in levels)] if has_short else []),
        ]
        for shares, levels in trials
    ]
    width = len(names) + len(study.axes) + has_short
    return np.array(rows, dtype=float).reshape(len(rows), width)


def search_data(
    study: StudySpec, complete: Sequence[Observation], most_mixtures: int
) -> SearchData | None:
    """Of trials with all their scores; None where there is none."""
    groups: dict[Key, list[Observation]] = {}
    for trial in complete:
        groups.setdefault(trial.key, []).append(trial)
    if not groups:
        return None
    objective = study.objective
    subset = None
    if len(groups) > most_mixtures:
        groups, subset = _subset(study, groups, most_mixtures)
    names = [name for name in complete[0].scores if objective.weight_of(name) > 0]
    total = sum(objective.weight_of(name) for name in names)
    weights = {name: objective.weight_of(name) / total for name in names}
    if len(groups) * len(names) > MOST_TARGETS:
        weights = {OBJECTIVE: 1.0}
    firsts = [trials[0] for trials in groups.values()]
    points, layout = (
        points_of(study, [(one.shares, one.factors) for one in firsts]),
        layout_of(study),
    )
    ordered = list(groups.values())
    return SearchData(
        points=points,
        keys=tuple(groups),
        layout=layout,
        mixtures=tuple(one.shares for one in firsts),
        factors=tuple(one.factors for one in firsts),
        seeds=tuple(frozenset(one.seed for one in trials) for trials in groups.values()),
        parts={
            name: (weight, _measured(points, layout, ordered, _losses(study, ordered, name)))
            for name, weight in weights.items()
        },
        subset=subset,
    )


def _subset(
    study: StudySpec, groups: dict[Key, list[Observation]], most: int
) -> tuple[dict[Key, list[Observation]], str]:
    """The better half by mean score, the rest evenly from all others."""
    sign = study.objective.loss_sign

    def loss(key: Key) -> float:
        return float(np.mean([sign * study.objective.value(one.scores) for one in groups[key]]))

    ordered = sorted(groups, key=loss)
    best, others = ordered[: most // 2], ordered[most // 2 :]
    picked = np.linspace(0, len(others) - 1, most - len(best)).astype(int)
    kept = {*best, *(others[index] for index in picked)}
    words = subset_words(len(best), len(kept) - len(best), len(others), "evenly by rank")
    return {key: trials for key, trials in groups.items() if key in kept}, words


def _losses(study: StudySpec, groups: Sequence[list[Observation]], part: str) -> Array:
    """(M,) of all trials in the order of their mixtures, less is better."""
    sign = study.objective.loss_sign
    return np.array(
        [
            sign * (study.objective.value(one.scores) if part == OBJECTIVE else one.scores[part])
            for trials in groups
            for one in trials
        ]
    )


def _measured(
    points: Array, layout: Layout, groups: Sequence[list[Observation]], values: Array
) -> Measured:
    """What a seed does to short decays is not what it does to full ones: each for itself. Noise by
    repeats is that of the full ones.
    """
    rows = np.array([row for row, trials in enumerate(groups) for _ in trials])
    seeds = np.array([trial.seed for trials in groups for trial in trials])
    is_short = layout.is_short(points)[rows]
    means, variance, left = np.zeros(len(groups)), 0.0, 0
    repeats = np.bincount(rows, minlength=len(groups)).astype(float)
    for kind in (True, False):
        mine = is_short == kind
        if not mine.any():
            continue
        _, own = np.unique(rows[mine], return_inverse=True)
        found = values[mine] - _seed_effects(own, seeds[mine].tolist(), values[mine])
        of_groups = np.bincount(own, weights=found) / np.bincount(own)
        means[np.unique(rows[mine])] = of_groups
        # One degree of freedom goes to each mixture, and one to each seed beyond the first.
        left = len(found) - len(of_groups) - (len(set(seeds[mine].tolist())) - 1)
        residuals = found - of_groups[own]
        variance = float(residuals @ residuals / left) if left > 0 else 0.0
    return Measured(
        points=points,
        targets=means,
        repeats=repeats,
        layout=layout,
        noise_variance=variance,
        noise_df=float(max(left, 0)),
    )


def _seed_effects(rows: NDArray[np.intp], seeds: Sequence[int], values: Array) -> Array:
    """(N,) of each trial's seed, by mixtures that ran with several; a ridge of one mixture holds
    seeds with little in common near zero.
    """
    distinct = sorted(set(seeds))
    if len(distinct) < 2:
        return np.zeros(len(values))
    at = np.array([distinct.index(seed) for seed in seeds])
    effects = np.zeros(len(distinct))
    # Alternate: mixtures' means without the seeds', seeds' means without the mixtures'. Converges
    # at once on a balanced table, and fast where half of the mixtures are repeated.
    counts = np.bincount(rows)
    for _ in range(50):
        means = np.bincount(rows, weights=values - effects[at]) / np.maximum(counts, 1)
        is_shared = counts[rows] > 1
        left = np.where(is_shared, values - means[rows], 0.0)
        effects = np.bincount(at, weights=left, minlength=len(distinct)) / (
            np.bincount(at, weights=is_shared.astype(float), minlength=len(distinct)) + 1.0
        )
    return np.asarray(effects[at])
