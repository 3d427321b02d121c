"""The figures of a report, each from the same values as the pages and the API."""

from mixtures.rank import Leaderboard
from mixtures.recommendation import Recommendation
from mixtures.signal import SignalReport
from mixtures.study import StudySpec
from service.pages.chart import Chart, chart
from service.pages.figure import Figure
from service.pages.line_figure import Mark, Series, line_drawing
from service.pages.mixture_table import TableQuery
from service.pages.row_figure import Row, cell_drawing, interval_drawing
from service.study_facts import StudyFacts

# The leaderboard has all mixtures.
_MOST_ROWS = 25


def report_figures(
    facts: StudyFacts,
) -> tuple[Figure, ...]:
    """Those that there is something to draw in."""
    recommendation = facts.recommendation
    figures = [
        _response(facts.spec, chart(facts, TableQuery()), recommendation),
        _best_shares(facts.spec, recommendation),
        _chances(recommendation),
        _against_baselines(recommendation),
        _mixtures(facts.spec, facts.board),
        _signal(facts.signal),
    ]
    return tuple(one for one in figures if one is not None)


def _response(
    spec: StudySpec, drawn: Chart, recommendation: Recommendation | None
) -> Figure | None:
    line = drawn.line
    if not line.points:
        return None
    series = []
    if line.curve is not None:
        curve = line.curve
        series += [
            Series(label="95 %", kind="band", x=curve.sft_share, low=curve.low, high=curve.high),
            Series(label="fitted mean", kind="line", x=curve.sft_share, y=curve.mean),
        ]
    series.append(
        Series(
            label="trial",
            kind="points",
            x=[point.sft_share for point in line.points],
            y=[point.value for point in line.points],
            style="s2",
        )
    )
    means = [mean for mean in line.means if mean.interval is not None]
    series.append(
        Series(
            label="mean",
            kind="points",
            x=[mean.sft_share for mean in means],
            y=[mean.mean for mean in means],
            half=[mean.interval[1] - mean.mean if mean.interval else 0.0 for mean in means],
            style="mean",
        )
    )
    marks = [Mark(x=share, label=name.replace("_", " ")) for name, share in drawn.baselines.items()]
    if recommendation is not None and spec.space.is_line:
        marks.append(Mark(x=recommendation.sft_share, label="", style="best"))
    title = "Score by SFT share"
    return Figure(
        name="score-by-share",
        title=title,
        svg=line_drawing(
            series,
            title=title,
            x_label="SFT share of the decay tokens",
            y_label=drawn.metric.replace("_", " "),
            marks=marks,
            x_range=(-0.02, 1.02),
            percent=True,
        ),
        header=("SFT share", "mean", "95 % from", "to"),
        rows=tuple(
            (mean.sft_share, mean.mean, *(mean.interval or (None, None))) for mean in line.means
        ),
    )


def _best_shares(spec: StudySpec, recommendation: Recommendation | None) -> Figure | None:
    """Each benchmark's own best share, beside that of all."""
    if recommendation is None or not spec.space.is_line:
        return None
    rows = [
        Row(
            label="all together",
            values=((recommendation.sft_share, recommendation.interval, "s1"),),
        ),
        *(
            Row(label=one.benchmark, values=((one.best_share, one.interval, "s0"),))
            for one in recommendation.per_benchmark
        ),
    ]
    title = "Best SFT share of each benchmark"
    return Figure(
        name="best-shares",
        title=title,
        svg=interval_drawing(
            rows, title=title, x_label="SFT share, and what cannot be told from it", percent=True
        ),
        header=("benchmark", "best share", "from", "to"),
        rows=tuple(
            (row.label, row.values[0][0], *(row.values[0][1] or (None, None))) for row in rows
        ),
    )


def _chances(recommendation: Recommendation | None) -> Figure | None:
    if recommendation is None or not recommendation.p_best:
        return None
    best = sorted(recommendation.p_best, key=lambda one: -one.probability)[:_MOST_ROWS]
    best.sort(key=lambda one: one.sft_share)
    rows = [
        Row(label=f"{100 * one.sft_share:.4g} %", values=((one.probability, None, "s0"),))
        for one in best
    ]
    title = "Probability of being the best share tried"
    return Figure(
        name="p-best",
        title=title,
        svg=interval_drawing(rows, title=title, x_label="probability", zero=True, percent=True),
        header=("SFT share", "probability"),
        rows=tuple((one.sft_share, one.probability) for one in best),
    )


def _against_baselines(recommendation: Recommendation | None) -> Figure | None:
    if recommendation is None or not recommendation.compared_with:
        return None
    compared = recommendation.compared_with
    rows = [
        Row(
            label=one.baseline.replace("_", " "),
            values=((one.difference, one.interval, "s0"),),
        )
        for one in compared
    ]
    title = "Recommended minus baseline"
    words = recommendation.metric.replace("_", " ")
    return Figure(
        name="against-baselines",
        title=title,
        svg=interval_drawing(rows, title=title, x_label=f"{words}, from the fit", zero=True),
        header=("baseline", "difference", "95 % from", "to", "probability of being better"),
        rows=tuple(
            (one.baseline, one.difference, *one.interval, one.probability_better)
            for one in compared
        ),
    )


def _mixtures(spec: StudySpec, board: Leaderboard) -> Figure | None:
    rows = board.rows[:_MOST_ROWS]
    names = [source.name for source in spec.sources]
    if not rows:
        return None
    title = f"The {len(rows)} best mixtures" if len(rows) > 1 else "The mixture"
    return Figure(
        name="mixtures",
        title=title,
        svg=cell_drawing(
            [
                (
                    f"{row.rank}.  {100 * row.sft_share:.4g} % SFT",
                    [row.shares.get(name, 0.0) for name in names],
                )
                for row in rows
            ],
            names,
            title=title,
        ),
        header=("rank", *names),
        rows=tuple((row.rank, *(row.shares.get(name, 0.0) for name in names)) for row in rows),
    )


def _signal(signal: SignalReport) -> Figure | None:
    own = [row for row in signal.rows if row.metric == signal.metric and row.ratio is not None]
    if not own:
        return None
    rows = [Row(label=row.benchmark, values=((row.ratio, None, "s0"),)) for row in own]
    title = "Signal to noise of each benchmark"
    return Figure(
        name="signal",
        title=title,
        svg=interval_drawing(
            rows, title=title, x_label="spread of mixtures over the noise of a trial", zero=True
        ),
        header=("benchmark", "ratio", "spread", "noise"),
        rows=tuple((row.benchmark, row.ratio, row.signal_sd, row.noise_sd) for row in own),
    )
