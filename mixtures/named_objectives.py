"""Objectives that a user names: a benchmark group, a benchmark, or either with another metric.

`reasoning`, `gsm8k`, `gsm8k:acc`. A part is one metric of one benchmark, called by the benchmark
alone where the metric is the study's own; an objective is a weighted mean of parts in one metric.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixtures.metric import direction_of
from mixtures.observation import Observation, contradicting
from mixtures.study import StudySpec
from mixtures.value import InvalidField

# More objectives than this put nearly every mixture on the front.
MOST_OBJECTIVES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """`weights` of its parts sum to 1; `sign` is 1 where less is better and -1 where more is."""

    name: str
    weights: dict[str, float]
    sign: float


def default_objectives(study: StudySpec) -> tuple[list[str], str | None]:
    """The benchmark groups, or of a single group its benchmarks; at most MOST_OBJECTIVES, and then
    a sentence that says which were left out.
    """
    groups = groups_of(study)
    names = groups if len(groups) > 1 else [one.name for one in study.ranked_benchmarks]
    left = names[MOST_OBJECTIVES:]
    if not left:
        return names, None
    return names[:MOST_OBJECTIVES], (
        f"{', '.join(left)} are not in this front: it takes {MOST_OBJECTIVES} objectives at most. "
        "Name those that matter."
    )


def groups_of(study: StudySpec) -> list[str]:
    """In the order of their first benchmark."""
    return list(dict.fromkeys(one.group for one in study.ranked_benchmarks))


def own_objective(study: StudySpec) -> Asked:
    """The study's own, called `objective`."""
    names = [one.name for one in study.ranked_benchmarks]
    weights = objective_weights(study, names)
    return Asked(name="objective", weights=weights, sign=study.objective.loss_sign)


def asked_objectives(study: StudySpec, names: Sequence[str]) -> list[Asked]:
    """Raises InvalidField for fewer than two, more than MOST_OBJECTIVES, or an unknown name."""
    names = list(dict.fromkeys(names))
    if not 2 <= len(names) <= MOST_OBJECTIVES:
        raise InvalidField(
            "objective",
            names,
            f"{len(names)} objectives, expected 2 to {MOST_OBJECTIVES}; name benchmarks or groups",
        )
    return [asked_objective(study, name) for name in names]


def asked_objective(study: StudySpec, name: str) -> Asked:
    """Raises InvalidField. A benchmark goes before a group of the same name."""
    base, _, metric = name.partition(":")
    metric = metric or study.objective.metric
    is_own = metric == study.objective.metric
    sign = study.objective.loss_sign
    if not is_own:
        sign = 1.0 if direction_of(metric) == "minimise" else -1.0
    pool = study.ranked_benchmarks if is_own else study.benchmarks
    if base in [one.name for one in pool]:
        weights = {base: 1.0}
    elif base in [one.group for one in pool]:
        weights = _alike_or_own(study, [one.name for one in pool if one.group == base])
    else:
        known = [*(one.name for one in pool), *dict.fromkeys(one.group for one in pool)]
        raise InvalidField(
            "objective", name, f"names no benchmark and no group of this study; there are {known}"
        )
    if not is_own:
        weights = {f"{benchmark}:{metric}": weight for benchmark, weight in weights.items()}
    return Asked(name=name, weights=weights, sign=sign)


def metric_of(asked: Asked, study: StudySpec) -> str:
    """The one metric of its parts."""
    return next(iter(asked.weights)).partition(":")[2] or study.objective.metric


def observations_of(
    study: StudySpec, asked: Sequence[Asked], by_metric: Mapping[str, Sequence[Observation]]
) -> tuple[list[Observation], dict[str, float]]:
    """Each trial with the scores of all parts that it has, and the sign of each part.

    Without trials whose scores contradict each other, which only shows while they have them all;
    the leaderboard names these.
    """
    of_objective = by_metric.get(study.objective.metric, ())
    wrong = {one.trial_id for one in contradicting(study, of_objective)}
    signs = {part: one.sign for one in asked for part in one.weights}
    trials: dict[str, Observation] = {}
    scores: dict[str, dict[str, float]] = {}
    for metric, observations in by_metric.items():
        for one in observations:
            if one.trial_id in wrong:
                continue
            trials[one.trial_id] = one
            for benchmark, value in one.scores.items():
                part = benchmark
                if metric != study.objective.metric:
                    part = f"{benchmark}:{metric}"
                if part in signs:
                    scores.setdefault(one.trial_id, {})[part] = value
    found = [
        one.model_copy(update={"scores": scores.get(trial_id, {})})
        for trial_id, one in trials.items()
    ]
    return found, signs


def objective_weights(study: StudySpec, parts: Sequence[str]) -> dict[str, float]:
    """The objective's weights of these benchmarks, summing to 1; those of 0 are left out."""
    weights = {name: study.objective.weight_of(name) for name in parts}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def group_weights(study: StudySpec, group: str) -> dict[str, float]:
    """The objective's weights inside a group; all alike where it weighs none of it."""
    names = [one.name for one in study.ranked_benchmarks if one.group == group]
    return _alike_or_own(study, names)


def _alike_or_own(study: StudySpec, names: Sequence[str]) -> dict[str, float]:
    if any(study.objective.weight_of(name) > 0 for name in names):
        return objective_weights(study, names)
    return {name: 1.0 / len(names) for name in names}
