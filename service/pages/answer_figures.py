"""Figures of what the API answers beside the leaderboard: effects of sources, the Pareto front."""

from typing import Any

from mixtures.named_subset import subset_notes
from mixtures.recommendation import NotEnoughTrials
from mixtures.value import InvalidField
from service.pages.figure import Cell
from service.pages.line_figure import line_drawing
from service.pages.row_figure import Row, interval_drawing
from service.pages.study_figure import (
    Given,
    NoFigure,
    StudyFigure,
    figure_of,
    mixture_words,
    points,
)

MOST_FACTORS, MOST_MIXTURES = 40, 600


def effects(given: Given) -> StudyFigure:
    """What more of each source does (`/v1/studies/{id}/effects`)."""
    found = _answer(given, "effects", None if given.line.key == "objective" else given.line.label)
    factors = found.factors[:MOST_FACTORS]
    rows: list[tuple[Cell, ...]] = [
        (
            one.factor,
            one.shares[0],
            one.shares[-1],
            one.total,
            *one.total_interval,
            one.probability_better,
        )
        for one in factors
    ]
    rows += [
        (f"{one.factor} {level}", None, None, *numbers)
        for one in found.levels
        for level, *numbers in zip(
            one.levels, one.effect, one.low, one.high, one.probability_best, strict=True
        )
    ]
    if not rows:
        raise NoFigure("No source's share moved by itself.")
    drawn = [
        Row(
            label=one.factor.replace("_", " "),
            values=((one.total, one.total_interval, "s0"),),
        )
        for one in factors
    ] + [
        Row(label=f"{one.factor} {level}", values=((effect, (low, high), "s0"),))
        for one in found.levels
        for level, effect, low, high in zip(one.levels, one.effect, one.low, one.high, strict=True)
    ]
    svg = interval_drawing(
        drawn, title="Effect of each source", x_label=f"change in {given.y_label}", zero=True
    )
    header = ("Factor", "From share", "To share", "Effect", "Low", "High", "P(better)")
    shown = None
    if len(found.factors) > MOST_FACTORS:
        shown = f"the {MOST_FACTORS} largest of {len(found.factors)} effects"
    return StudyFigure(
        figure=figure_of("effects", "Effect of each source", svg, header, rows),
        about="From the lowest to the highest share tried, the others keeping their ratios."
        + (" Of a factor's level: against the mean of its levels." if found.levels else "")
        + "".join(f" {note}" for note in subset_notes(found.subset)),
        shown=shown,
    )


def pareto(given: Given) -> StudyFigure:
    """Mixtures that no other beats in every objective (`/v1/studies/{id}/pareto`)."""
    from_api = _answer(given, "pareto", None)
    names = [one.name for one in from_api.objectives]
    ordered = sorted(from_api.rows, key=lambda row: -row.p_on_front)
    few = ordered[:MOST_MIXTURES]
    dots = {
        kind: [(row.mean[names[0]], row.mean[names[1]]) for row in few if row.on_front == is_on]
        for kind, is_on in (("s2", False), ("s0", True))
    }
    keys = (("s0", "on the front"), ("s2", "beaten by another"))
    svg = line_drawing(
        [points(dots[kind], kind, words) for kind, words in reversed(keys) if dots[kind]],
        title="Pareto front",
        x_label=names[0],
        y_label=names[1],
    )
    rows: list[tuple[Cell, ...]] = [
        (mixture_words(row), row.p_on_front, *(row.mean[name] for name in names)) for row in few
    ]
    shown = None
    if len(few) < len(ordered):
        shown = f"the {len(few)} of {len(ordered):,} mixtures most probably on the front"
    return StudyFigure(
        figure=figure_of("pareto", "Pareto front", svg, ("Mixture", "P(on front)", *names), rows),
        about=f"By posterior means; drawn are {names[0]} and {names[1]}, the table has all."
        + "".join(f" {note}" for note in subset_notes(from_api.subset)),
        shown=shown,
        keys=keys,
    )


def _answer(given: Given, kind: str, argument: Any) -> Any:
    try:
        return getattr(given.answers, kind)(given.session, given.study, argument)
    except (NotEnoughTrials, InvalidField) as error:
        raise NoFigure(str(error)) from error
