"""Scores so far, as the search fits them: a row a mixture, a target a benchmark.

Seeds order the tokens of all mixtures alike, so a seed moves all scores together; its effect is
taken out where mixtures have seeds in common. What then differs between the repeats of a mixture is
noise, and its variance is known with as many degrees of freedom as there are repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.polytope import Array
from mixtures.rank import Key, Observation, mixture_key
from mixtures.search_gp import Measured
from mixtures.study import StudySpec

# Mixtures times benchmarks that are fitted one by one in time; beyond, the objective alone.
MOST_TARGETS = 4_000
# No benchmark's name: it has a character that names may not have.
OBJECTIVE = "(objective)"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchData:
    """N mixtures over the study's sources; `parts` are (weight, targets) by benchmark, the weights
    summing to 1. `seeds` are those that each mixture has run with. `subset` names what was left
    out, where anything was.
    """

    shares: Array
    mixtures: tuple[dict[str, float], ...]
    seeds: tuple[frozenset[int], ...]
    parts: dict[str, tuple[float, Measured]]
    subset: str | None


def search_data(
    study: StudySpec, complete: Sequence[Observation], most_mixtures: int
) -> SearchData | None:
    """Of trials with all their scores; None where there is none."""
    groups: dict[Key, list[Observation]] = {}
    for trial in complete:
        groups.setdefault(mixture_key(trial.shares), []).append(trial)
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
    sources = [source.name for source in study.sources]
    shares = np.array(
        [[trials[0].shares.get(name, 0.0) for name in sources] for trials in groups.values()]
    )
    return SearchData(
        shares=shares,
        mixtures=tuple(trials[0].shares for trials in groups.values()),
        seeds=tuple(frozenset(one.seed for one in trials) for trials in groups.values()),
        parts={
            name: (weight, _measured(shares, list(groups.values()), _losses(study, groups, name)))
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
    words = f"the {len(best)} best mixtures and {len(kept) - len(best)} of the {len(others)} others"
    return {key: trials for key, trials in groups.items() if key in kept}, words


def _losses(study: StudySpec, groups: dict[Key, list[Observation]], part: str) -> Array:
    """(M,) of all trials in the order of their mixtures, less is better."""
    sign = study.objective.loss_sign
    return np.array(
        [
            sign * (study.objective.value(one.scores) if part == OBJECTIVE else one.scores[part])
            for trials in groups.values()
            for one in trials
        ]
    )


def _measured(shares: Array, groups: Sequence[list[Observation]], values: Array) -> Measured:
    rows = [row for row, trials in enumerate(groups) for _ in trials]
    seeds = [trial.seed for trials in groups for trial in trials]
    values = values - _seed_effects(np.array(rows), seeds, values)
    repeats = np.bincount(rows, minlength=len(groups)).astype(float)
    means = np.bincount(rows, weights=values, minlength=len(groups)) / repeats
    # One degree of freedom goes to each mixture, and one to each seed beyond the first.
    df = len(values) - len(groups) - (len(set(seeds)) - 1)
    residuals = values - means[rows]
    variance = float(residuals @ residuals / df) if df > 0 else 0.0
    return Measured(
        shares=shares,
        targets=means,
        repeats=repeats,
        noise_variance=variance,
        noise_df=float(max(df, 0)),
    )


def _seed_effects(rows: Array, seeds: Sequence[int], values: Array) -> Array:
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
