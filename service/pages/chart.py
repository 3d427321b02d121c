"""What the chart of a study draws: trials, means and the fitted curve, for each benchmark."""

from collections.abc import Sequence

from mixtures.rank import Leaderboard, Observation, complete_observations
from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec
from mixtures.value import Value

# The range in which the Xmodel-2 report found its best share (arXiv 2412.19638, section 2.3).
PAPER_RANGE = (0.60, 0.69)
OBJECTIVE = "objective"


class Point(Value):
    """One trial."""

    sft_share: float
    seed: int
    value: float


class Mean(Value):
    """One mixture over its seeds."""

    sft_share: float
    mean: float
    interval: tuple[float, float] | None


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


class Chart(Value):
    """Lines in the order of the menu; the first is the objective."""

    metric: str
    lines: tuple[Line, ...]
    baselines: dict[str, float]
    paper_range: tuple[float, float] = PAPER_RANGE


def chart(
    spec: StudySpec,
    observations: Sequence[Observation],
    board: Leaderboard,
    recommendation: Recommendation | None,
) -> Chart:
    """Nothing is computed anew: means, intervals and curves are those of the two answers."""
    complete, _ = complete_observations(spec, observations)
    lines = [_objective_line(spec, complete, board, recommendation)]
    fitted = {one.benchmark: one for one in recommendation.per_benchmark} if recommendation else {}
    for benchmark in spec.ranked_benchmarks:
        fit = fitted.get(benchmark.name)
        lines.append(
            Line(
                key=f"benchmark:{benchmark.name}",
                label=benchmark.name,
                group=benchmark.group,
                points=tuple(
                    Point(sft_share=o.sft_share, seed=o.seed, value=o.scores[benchmark.name])
                    for o in complete
                ),
                means=tuple(
                    Mean(sft_share=row.sft_share, mean=row.scores[benchmark.name], interval=None)
                    for row in board.rows
                ),
                curve=None,
                best_share=fit.best_share if fit else None,
                best_interval=fit.interval if fit else None,
            )
        )
    return Chart(metric=board.metric, lines=tuple(lines), baselines=spec.baselines)


def _objective_line(
    spec: StudySpec,
    observations: Sequence[Observation],
    board: Leaderboard,
    recommendation: Recommendation | None,
) -> Line:
    num = sum(spec.objective.weight_of(benchmark.name) > 0 for benchmark in spec.benchmarks)
    return Line(
        key=OBJECTIVE,
        label=f"Objective: mean of {num} benchmarks" if num > 1 else "Objective",
        group="",
        points=tuple(
            Point(sft_share=o.sft_share, seed=o.seed, value=spec.objective.value(o.scores))
            for o in observations
        ),
        means=tuple(
            Mean(sft_share=row.sft_share, mean=row.mean, interval=row.interval)
            for row in board.rows
        ),
        curve=_curve(recommendation) if recommendation else None,
        best_share=recommendation.sft_share if recommendation else None,
        best_interval=recommendation.interval if recommendation else None,
    )


def _curve(recommendation: Recommendation) -> FittedCurve | None:
    curve = recommendation.curve
    if curve is None:
        return None
    return FittedCurve(sft_share=curve.sft_share, mean=curve.mean, low=curve.low, high=curve.high)
