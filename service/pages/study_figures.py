"""The figures of a study's page, each one click away; see `study_figure.py` for what they share."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mixtures.study import StudySpec
from service.answers import Answers
from service.errors import BadInput
from service.pages.answer_figures import effects, pareto
from service.pages.figure import Cell
from service.pages.line_figure import Series, line_drawing
from service.pages.mixture_maps import pair_plot, parallel_coordinates
from service.pages.row_figure import Row, interval_drawing
from service.pages.study_figure import (
    DOT_KEYS,
    Given,
    NoFigure,
    StudyFigure,
    figure_of,
    mixture_words,
    points,
)
from service.pages.ternary import ternary_plot

# Of a long history only this many improvements are drawn, the last ones.
MOST_STEPS = 300


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the list of figures; `fits` says for which studies it makes sense, `answer` is
    what it asks of `Answers`."""

    name: str
    title: str
    draw: Callable[[Given], StudyFigure]
    fits: Callable[[StudySpec], bool] = lambda spec: True
    answer: str | None = None


def figures_of(spec: StudySpec) -> tuple[Kind, ...]:
    """Those that make sense for the study and can be answered, in the page's order."""
    return tuple(
        kind
        for kind in FIGURES
        if kind.fits(spec) and (kind.answer is None or hasattr(Answers, kind.answer))
    )


def study_figure(given: Given, name: str) -> StudyFigure:
    """Raises BadInput for an unknown name, NoFigure where it cannot be drawn yet."""
    kinds = {kind.name: kind for kind in figures_of(given.study.spec)}
    if name not in kinds:
        raise BadInput("name", name, f"expected one of {', '.join(kinds)}")
    if not given.facts.board.rows:
        raise NoFigure("No trial is done yet.")
    return kinds[name].draw(given)


def cost(given: Given) -> StudyFigure:
    """Score against the seconds that a trial of the mixture took."""
    dots, shown = given.dots()
    rows: list[tuple[Cell, ...]] = []
    by_kind: dict[str, list[tuple[float, float]]] = {}
    for dot in dots:
        took = [
            time.seconds
            for trial in dot.row.trial_ids
            if (time := given.facts.times.get(trial)) and time.seconds is not None
        ]
        if not took:
            continue
        seconds = sum(took) / len(took)
        by_kind.setdefault(dot.kind, []).append((seconds, dot.value))
        rows.append((mixture_words(dot.row), seconds, dot.value, dot.row.rank))
    if not rows:
        raise NoFigure("No trial's time was measured.")
    svg = line_drawing(
        [
            points(by_kind[kind], kind, words)
            for kind, words in reversed(DOT_KEYS)
            if kind in by_kind
        ],
        title="Score against cost",
        x_label="seconds a trial",
        y_label=given.y_label,
        from_zero=False,
    )
    return StudyFigure(
        figure=figure_of(
            "cost", "Score against cost", svg, ("Mixture", "Seconds", "Score", "Rank"), rows
        ),
        about="The mean time of a mixture's trials, from claim to score, where they ran.",
        shown=shown,
        keys=DOT_KEYS,
    )


def history(given: Given) -> StudyFigure:
    """The best objective so far, trial by trial."""
    steps, shown, num = _leaders(given)
    xs = [float(step.number) for step in steps] + [float(num)]
    ys = [step.value for step in steps] + [steps[-1].value]
    # A step holds until the next one.
    stairs_x = [x for pair in pairwise(xs) for x in pair]
    stairs_y = [y for y in ys[:-1] for _ in range(2)]
    svg = line_drawing(
        [
            Series(label="best so far", kind="line", x=stairs_x, y=stairs_y),
            Series(label="new best", kind="points", x=xs[:-1], y=ys[:-1]),
        ],
        title="Best so far",
        x_label="trials done",
        y_label=given.facts.board.metric.replace("_", " "),
    )
    rows = [(step.number, step.words, step.value) for step in steps]
    return StudyFigure(
        figure=figure_of(
            "history", "Best so far", svg, ("Trials done", "Mixture", "Objective"), rows
        ),
        about="The best single trial so far. Single scores are noisy: a new best may be luck.",
        shown=shown,
    )


def regret(given: Given) -> StudyFigure:
    """How much worse than the best the leader of each moment is, as judged today."""
    steps, shown, num = _leaders(given)
    judged = [step for step in steps if step.regret is not None]
    if not judged:
        raise NoFigure(given.facts.board.no_posterior or "There is no fit yet to judge by.")
    xs = [float(step.number) for step in judged] + [float(num)]
    ys = [step.regret or 0.0 for step in judged]
    stairs_x = [x for pair in pairwise(xs) for x in pair]
    svg = line_drawing(
        [Series(label="regret", kind="line", x=stairs_x, y=[y for y in ys for _ in range(2)])],
        title="Expected regret",
        x_label="trials done",
        y_label="expected regret of the leader",
        from_zero=True,
    )
    rows = [(step.number, step.words, step.regret) for step in judged]
    return StudyFigure(
        figure=figure_of(
            "regret", "Expected regret", svg, ("Trials done", "Leader", "Expected regret"), rows
        ),
        about="What choosing the best trial of that moment would lose, by the fit of all trials.",
        shown=shown,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Leader:
    number: int
    words: str
    value: float
    regret: float | None


def _leaders(given: Given) -> tuple[list[_Leader], str | None, int]:
    """Each new best trial in the order in which they were done, of those that pass the filter."""
    facts, sign = given.facts, given.study.spec.objective.loss_sign
    trials, row_of, losses = facts.by_end
    wanted = np.zeros(len(facts.board.rows), dtype=np.bool_)
    wanted[given.rows] = True
    places = np.flatnonzero(wanted[row_of])
    if not len(places):
        raise NoFigure("No trial passes the filter.")
    best = np.minimum.accumulate(losses[places])
    is_new = np.append(True, best[1:] < best[:-1])
    steps = []
    for number in np.flatnonzero(is_new).tolist():
        row = facts.board.rows[facts.row_of[trials[places[number]].trial_id]]
        steps.append(
            _Leader(
                number=number + 1,
                words=mixture_words(row),
                value=float(sign * best[number]),
                regret=row.posterior.expected_regret if row.posterior else None,
            )
        )
    shown = None
    if len(steps) > MOST_STEPS:
        shown = f"the last {MOST_STEPS} of {len(steps):,} improvements"
    return steps[-MOST_STEPS:], shown, len(places)


def benchmarks(given: Given) -> StudyFigure:
    """The best share of each benchmark, fitted by itself."""
    found = given.facts.recommendation
    if found is None:
        raise NoFigure(given.facts.no_answer)
    rows: list[tuple[Cell, ...]] = [
        ("objective", found.sft_share, *found.interval, found.predicted_mean)
    ]
    drawn = [Row(label="objective", values=((found.sft_share, found.interval, "s0"),))]
    for one in found.per_benchmark:
        rows.append((one.benchmark, one.best_share, *one.interval, one.mean))
        drawn.append(Row(label=one.benchmark, values=((one.best_share, one.interval, "s2"),)))
    svg = interval_drawing(
        drawn, title="Best share of each benchmark", x_label="SFT share", percent=True
    )
    header = ("Benchmark", "Best SFT share", "From", "To", "Score there")
    return StudyFigure(
        figure=figure_of("benchmarks", "Best share of each benchmark", svg, header, rows),
        about="Each benchmark fitted by itself, with the shares that cannot be told from its best.",
    )


def _has_three_sources(spec: StudySpec) -> bool:
    return len(spec.sources) > 2


def _has_several(spec: StudySpec) -> bool:
    return len(spec.ranked_benchmarks) > 1


FIGURES = (
    Kind("ternary", "Mixtures in a triangle", ternary_plot, _has_three_sources),
    Kind("parallel", "Mixtures on log-ratio axes", parallel_coordinates, _has_three_sources),
    Kind("pairs", "Benchmarks against each other", pair_plot, _has_several),
    Kind("benchmarks", "Best share of each benchmark", benchmarks, _has_several),
    Kind("cost", "Score against cost", cost),
    Kind("history", "Best so far", history),
    Kind("regret", "Expected regret", regret),
    Kind("effects", "Effect of each source", effects, answer="effects"),
    Kind("pareto", "Pareto front", pareto, _has_several, answer="pareto"),
)
