"""The response curve of a study: trials, means and the fitted curve, of the objective or of one
benchmark. The page draws it of the JSON that the API gives, and so does its table.
"""

import numpy as np

from mixtures.rank import Observation
from mixtures.recommendation import Recommendation
from mixtures.value import Value
from service.errors import BadInput
from service.pages.mixture_table import Rows, TableQuery
from service.pages.thinned import even_places, thinned
from service.study_facts import StudyFacts

# The range in which the Xmodel-2 report found its best share (arXiv 2412.19638, section 2.3).
PAPER_RANGE = (0.60, 0.69)
OBJECTIVE = "objective"
# Drawn in one go in well under 200 ms; more dots than this lie on top of each other.
MOST_POINTS, MOST_MEANS = 600, 400


class Point(Value):
    """One trial."""

    sft_share: float
    seed: int
    value: float
    trial_id: str


class Mean(Value):
    """One mixture over its seeds; `trial_id` is its first trial."""

    sft_share: float
    mean: float
    interval: tuple[float, float] | None
    trial_id: str


class FittedCurve(Value):
    """Equally long columns; `low` and `high` are a 95 % band."""

    sft_share: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Line(Value):
    """The objective or one benchmark, with its own best share where that is known."""

    key: str
    label: str
    group: str
    points: tuple[Point, ...]
    means: tuple[Mean, ...]
    curve: FittedCurve | None
    best_share: float | None
    best_interval: tuple[float, float] | None


class LineName(Value):
    """An entry of the menu of lines."""

    key: str
    label: str
    group: str


class Chart(Value):
    """One line. `shown` says in words which trials and mixtures it has, where these are not all."""

    version: str
    metric: str
    line: Line
    baselines: dict[str, float]
    paper_range: tuple[float, float] = PAPER_RANGE
    shown: str | None


def line_names(facts: StudyFacts) -> tuple[LineName, ...]:
    """The objective first, then the benchmarks that have its metric."""
    spec = facts.spec
    num = sum(spec.objective.weight_of(benchmark.name) > 0 for benchmark in spec.benchmarks)
    label = f"Objective: mean of {num} benchmarks" if num > 1 else "Objective"
    return (
        LineName(key=OBJECTIVE, label=label, group=""),
        *(
            LineName(key=f"benchmark:{one.name}", label=one.name, group=one.group)
            for one in spec.ranked_benchmarks
        ),
    )


def line_named(facts: StudyFacts, key: str) -> LineName:
    """Raises BadInput."""
    names = line_names(facts)
    for name in names:
        if name.key == key:
            return name
    raise BadInput("line", key, f"expected one of {', '.join(one.key for one in names)}")


def value_of(facts: StudyFacts, name: LineName, row: int) -> float | None:
    """A mixture's mean on this line."""
    if name.key == OBJECTIVE:
        return facts.board.rows[row].mean
    return facts.board.rows[row].scores.get(name.label)


def chart(facts: StudyFacts, query: TableQuery) -> Chart:
    """Nothing is computed anew: means, intervals and curves are those of the two answers."""
    name = line_named(facts, query.line)
    rows = facts.table.matching(query.filter)
    few, words = thinned(facts, rows, MOST_MEANS)
    drawn, num_trials = _trials(facts, rows, MOST_POINTS)
    if len(drawn) < num_trials:
        what = f"{len(drawn):,} of {num_trials:,} trials, evenly over the SFT share"
        words = f"{what}; {words}" if words else what
    if facts.spec.axes:
        what = f"at every level of {', '.join(axis.name for axis in facts.spec.axes)}"
        words = f"{words}; {what}" if words else what
    line = Line(
        key=name.key,
        label=name.label,
        group=name.group,
        points=tuple(_point(facts, name, trial) for trial in drawn),
        means=_means(facts, name, few),
        curve=_curve(facts.recommendation) if name.key == OBJECTIVE else None,
        **_best(facts.recommendation, name),
    )
    return Chart(
        version=facts.shown_version,
        metric=facts.board.metric,
        line=line,
        baselines={
            key: sum(
                mixture.shares.get(source.name, 0.0)
                for source in facts.spec.sources
                if source.kind == "sft"
            )
            for key, mixture in facts.spec.baseline_mixtures.items()
        },
        shown=words,
    )


def _trials(facts: StudyFacts, rows: Rows, most: int) -> tuple[list[Observation], int]:
    """At most `most` trials of these mixtures, evenly by SFT share; and how many there are."""
    trials, row_of = facts.by_share
    wanted = np.zeros(len(facts.board.rows), dtype=np.bool_)
    wanted[rows] = True
    places = np.flatnonzero(wanted[row_of])
    few = places[even_places(len(places), most)]
    return [trials[place] for place in few.tolist()], len(places)


def _point(facts: StudyFacts, name: LineName, trial: Observation) -> Point:
    value = (
        facts.spec.objective.value(trial.scores)
        if name.key == OBJECTIVE
        else trial.scores[name.label]
    )
    return Point(sft_share=trial.sft_share, seed=trial.seed, value=value, trial_id=trial.trial_id)


def _means(facts: StudyFacts, name: LineName, rows: Rows) -> tuple[Mean, ...]:
    found = []
    for place in rows:
        row, value = facts.board.rows[place], value_of(facts, name, place)
        if value is not None:
            found.append(
                Mean(
                    sft_share=row.sft_share,
                    mean=value,
                    interval=row.interval if name.key == OBJECTIVE else None,
                    trial_id=row.trial_ids[0],
                )
            )
    return tuple(found)


def _best(
    recommendation: Recommendation | None, name: LineName
) -> dict[str, float | tuple[float, float] | None]:
    if recommendation is None:
        return {"best_share": None, "best_interval": None}
    if name.key == OBJECTIVE:
        return {
            "best_share": recommendation.sft_share,
            "best_interval": recommendation.interval,
        }
    for one in recommendation.per_benchmark:
        if one.benchmark == name.label:
            return {"best_share": one.best_share, "best_interval": one.interval}
    return {"best_share": None, "best_interval": None}


def _curve(recommendation: Recommendation | None) -> FittedCurve | None:
    if recommendation is None or recommendation.curve is None:
        return None
    curve = recommendation.curve
    return FittedCurve(sft_share=curve.sft_share, mean=curve.mean, low=curve.low, high=curve.high)
