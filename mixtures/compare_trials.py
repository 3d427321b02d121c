"""Chosen trials side by side: their mixtures, their scores, and differences seed by seed.

Trials of one mixture, at the same levels of the study's factors, are one row. A difference is taken
to the first trial's mixture, over the seeds that both have, so that the seed's part cancels; its
interval comes from the noise of the study's trials (`noise.py`), as in the leaderboard. Between
studies no difference is taken: other data, another proxy or other benchmarks make other numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.noise import SeedNoise
from mixtures.observation import Key, Observation, mixture_key
from mixtures.paired import BySeed, difference_of, interval_of
from mixtures.study import StudySpec
from mixtures.subset_noise import study_noise
from mixtures.trial_comparison import (
    ChosenTrial,
    ComparedDifference,
    ComparedMixture,
    ComparedScore,
    ComparedTrial,
    TrialComparison,
)

OBJECTIVE = "objective"
# Over the items of one benchmark; with a hundred of them Student's is the same to two digits.
_Z = 1.96


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    study_id: str
    key: Key
    trials: tuple[ChosenTrial, ...]


def compare_trials(
    studies: Mapping[str, StudySpec],
    chosen: Sequence[ChosenTrial],
    observed: Mapping[str, Sequence[Observation]],
) -> TrialComparison:
    """`studies` by id; `observed` are trials of these from which the noise is known.

    The metric is that of the first trial's study.
    """
    first = studies[chosen[0].study_id]
    metric = first.objective.metric
    groups = _groups(chosen)
    noises = {
        study_id: _noises(studies[study_id], metric, chosen, observed.get(study_id, ()))
        for study_id in {one.study_id for one in chosen}
    }
    labels = {id(group): _label(place) for place, group in enumerate(groups)}
    mixtures = [
        _mixture(studies, metric, group, groups[0], noises, labels[id(group)]) for group in groups
    ]
    of_trial = {trial.trial_id: labels[id(group)] for group in groups for trial in group.trials}
    return TrialComparison(
        metric=metric,
        direction=first.objective.direction,
        sources=_names(studies, lambda spec: [source.name for source in spec.sources]),
        benchmarks=_names(studies, lambda spec: [one.name for one in spec.benchmarks]),
        mixtures=tuple(mixtures),
        trials=tuple(_trial(studies, metric, one, of_trial[one.trial_id]) for one in chosen),
        notes=tuple(_notes(studies, metric, chosen, mixtures)),
    )


def _groups(chosen: Sequence[ChosenTrial]) -> list[_Group]:
    found: dict[tuple[str, Key], list[ChosenTrial]] = {}
    for one in chosen:
        found.setdefault((one.study_id, mixture_key(one.shares, one.factors)), []).append(one)
    return [
        _Group(study_id=study_id, key=key, trials=tuple(trials))
        for (study_id, key), trials in found.items()
    ]


def _label(place: int) -> str:
    """A to Z, then AA, AB and so on."""
    text = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        text = chr(ord("A") + letter) + text
    return text


def _values(spec: StudySpec, metric: str, scores: Mapping[str, float]) -> dict[str, float]:
    """By benchmark, and of the objective where nothing that it needs is missing."""
    needed = [one.name for one in spec.ranked_benchmarks]
    found = dict(scores)
    if metric == spec.objective.metric and all(name in scores for name in needed):
        found[OBJECTIVE] = spec.objective.value({name: scores[name] for name in needed})
    return found


def _own_scores(one: ChosenTrial, metric: str) -> dict[str, float]:
    return {score.benchmark: score.value for score in one.scores if score.metric == metric}


def _noises(
    spec: StudySpec,
    metric: str,
    chosen: Sequence[ChosenTrial],
    observed: Sequence[Observation],
) -> dict[str, SeedNoise | None]:
    """By benchmark and of the objective, over the study's trials and those that are compared."""
    by_name: dict[str, dict[tuple[Key, int], float]] = {}
    rows = [(o.key, o.seed, o.scores) for o in observed]
    rows += [
        (mixture_key(one.shares, one.factors), one.seed, _own_scores(one, metric)) for one in chosen
    ]
    for key, seed, scores in rows:
        for name, value in _values(spec, metric, scores).items():
            by_name.setdefault(name, {})[key, seed] = value
    return {name: study_noise(values, spec.data_seeds) for name, values in by_name.items()}


def _by_seed(spec: StudySpec, metric: str, group: _Group) -> dict[str, dict[int, float]]:
    """Values by benchmark (and of the objective) and seed; a seed's repeats as their mean."""
    found: dict[str, dict[int, list[float]]] = {}
    for trial in group.trials:
        for name, value in _values(spec, metric, _own_scores(trial, metric)).items():
            found.setdefault(name, {}).setdefault(trial.seed, []).append(value)
    return {
        name: {seed: float(np.mean(values)) for seed, values in own.items()}
        for name, own in found.items()
    }


def _mixture(
    studies: Mapping[str, StudySpec],
    metric: str,
    group: _Group,
    reference: _Group,
    noises: Mapping[str, Mapping[str, SeedNoise | None]],
    label: str,
) -> ComparedMixture:
    spec = studies[group.study_id]
    own = _by_seed(spec, metric, group)
    noise = noises[group.study_id]
    means = {name: float(np.mean(list(values.values()))) for name, values in own.items()}
    of_mean = noise.get(OBJECTIVE)
    interval = None
    if of_mean is not None and OBJECTIVE in own:
        uncertainty = of_mean.of_mean(group.key, own[OBJECTIVE])
        interval = interval_of(means[OBJECTIVE], uncertainty)
    differences: dict[str, ComparedDifference] = {}
    if group is not reference and group.study_id == reference.study_id:
        other = _by_seed(spec, metric, reference)
        differences = {
            name: _difference(
                BySeed(key=group.key, by_seed=own[name]),
                BySeed(key=reference.key, by_seed=other[name]),
                noise.get(name),
            )
            for name in own
            if name in other
        }
    return ComparedMixture(
        label=label,
        study_id=group.study_id,
        study=spec.name,
        shares=group.trials[0].shares,
        sft_share=group.trials[0].sft_share,
        factors=group.trials[0].factors,
        seeds=tuple(sorted({trial.seed for trial in group.trials})),
        trial_ids=tuple(trial.trial_id for trial in group.trials),
        mean=means.pop(OBJECTIVE, None),
        interval=interval,
        scores=means,
        differences=differences,
    )


def _difference(own: BySeed, other: BySeed, noise: SeedNoise | None) -> ComparedDifference:
    found = difference_of(own, other, noise)
    return ComparedDifference(
        value=found.value,
        interval=interval_of(found.value, found.uncertainty),
        num_pairs=found.num_pairs,
    )


def _trial(
    studies: Mapping[str, StudySpec], metric: str, one: ChosenTrial, label: str
) -> ComparedTrial:
    own = _own_scores(one, metric)
    errors = {s.benchmark: s.standard_error for s in one.scores if s.metric == metric}
    return ComparedTrial(
        trial_id=one.trial_id,
        study_id=one.study_id,
        label=label,
        state=one.state,
        seed=one.seed,
        objective=_values(studies[one.study_id], metric, own).get(OBJECTIVE),
        scores={
            name: ComparedScore(
                value=value,
                interval=None
                if (error := errors[name]) is None
                else (value - _Z * error, value + _Z * error),
            )
            for name, value in own.items()
        },
    )


def _names(
    studies: Mapping[str, StudySpec], of: Callable[[StudySpec], list[str]]
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for spec in studies.values() for name in of(spec)))


def _notes(
    studies: Mapping[str, StudySpec],
    metric: str,
    chosen: Sequence[ChosenTrial],
    mixtures: Sequence[ComparedMixture],
) -> list[str]:
    notes = []
    without = [one.trial_id for one in chosen if not _own_scores(one, metric)]
    if without:
        notes.append(f"No score in {metric}: {', '.join(without)}.")
    if len(studies) > 1:
        notes.append(
            "These trials are of several studies: differences are taken inside the first one's "
            "alone."
        )
    unpaired = [
        one.label
        for one in mixtures
        if any(difference.num_pairs == 0 for difference in one.differences.values())
    ]
    if unpaired:
        notes.append(
            f"No seed in common with A: {', '.join(unpaired)}. Part of their difference is the "
            "seeds'."
        )
    if any(
        difference.interval is None for one in mixtures for difference in one.differences.values()
    ):
        notes.append(
            "No mixture of the study ran on two seeds: the noise is not known, so neither are the "
            "intervals."
        )
    return notes
