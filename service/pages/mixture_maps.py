"""Figures of where the mixtures lie: log-ratio axes of many shares, and how benchmarks order them.
Drawn as plain SVG: Plotly's parallel coordinates and pair plots need WebGL, which compiles code in
the page, and the policy refuses that.
"""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from mixtures.rank_correlation import rank_correlation
from service.pages.figure import Axis, Cell, Figure, axis_over, clipped, drawing, short, tag
from service.pages.study_figure import (
    CLASS_KEYS,
    Given,
    NoFigure,
    StudyFigure,
    classes,
    mixture_words,
)

SIZE = 480
# A line of each mixture crosses all axes: more of them are a mat.
MOST_LINES = 150
# Of benchmarks, in the study's order; ten pairs still can be read.
MOST_PAIRED, MOST_PAIR_DOTS = 5, 200
# A share of nothing has no logarithm: it is drawn this factor under the smallest share tried.
ZERO_FACTOR = 0.5


def parallel_coordinates(given: Given) -> StudyFigure:
    """One axis a source, on it log2 of its share over the mixture's geometric mean share: the
    centred log-ratio (Aitchison 1982), in which shares that sum to 1 move freely."""
    names = [source.name for source in given.study.spec.sources]
    dots, shown = given.dots(MOST_LINES)
    logs = _log_ratios(np.array([[dot.row.shares.get(n, 0.0) for n in names] for dot in dots]))
    gap = max(34.0, min(120.0, 420.0 / (len(names) - 1)))
    left, top, bottom = 56.0, 18.0, 250.0
    width = left + gap * (len(names) - 1) + 30
    axis = axis_over(logs.ravel().tolist(), bottom, top, include=(0.0,))
    parts = []
    for value in axis.ticks(6):
        y = axis.at(value)
        parts.append(tag("line", class_="grid", x1=left, x2=width - 30, y1=y, y2=y))
        parts.append(
            tag("text", short(value), class_="tick", x=left - 7, y=y + 4, text_anchor="end")
        )
    for place, name in enumerate(names):
        x = left + gap * place
        parts.append(tag("line", class_="axis", x1=x, x2=x, y1=top, y2=bottom))
        turn = f"rotate(-40 {x:g} {bottom + 14:g})"
        words = clipped(name, 14)
        parts.append(
            tag(
                "text",
                words,
                class_="tick small",
                x=x,
                y=bottom + 14,
                text_anchor="end",
                transform=turn,
            )
        )
    rows: list[tuple[Cell, ...]] = []
    for dot, kind, values in zip(
        dots, classes(dots, given.facts.board.direction), logs.tolist(), strict=True
    ):
        points = " ".join(
            f"{left + gap * place:g},{axis.at(value):g}" for place, value in enumerate(values)
        )
        said = tag("title", f"{mixture_words(dot.row)}: {dot.value:.4f}")
        parts.append(tag("polyline", said, class_=f"thread {kind}", points=points))
        rows.append((dot.row.rank, dot.value, *(round(value, 4) for value in values)))
    svg = drawing(width, bottom + 90, _label("Mixtures on log-ratio axes", names), parts)
    return StudyFigure(
        figure=Figure(
            name="parallel",
            title="Mixtures on log-ratio axes",
            svg=svg,
            header=("Rank", "Score", *names),
            rows=tuple(reversed(rows)),
        ),
        about="Each line a mixture; a step up is twice the share, against the mixture's mean. "
        "A source that is not in it stands at half of the smallest share tried.",
        shown=shown,
        keys=CLASS_KEYS,
    )


def _log_ratios(shares: np.ndarray) -> np.ndarray:
    positive = shares[shares > 0]
    floor = ZERO_FACTOR * float(positive.min()) if positive.size else ZERO_FACTOR
    logs = np.log2(np.maximum(shares, floor))
    centred: np.ndarray = logs - logs.mean(axis=1, keepdims=True)
    return centred


def pair_plot(given: Given) -> StudyFigure:
    """Below the diagonal one benchmark against another, above it their rank correlation."""
    every = [one.name for one in given.study.spec.ranked_benchmarks]
    names = every[:MOST_PAIRED]
    dots, shown = given.dots(MOST_PAIR_DOTS)
    columns = {
        name: np.array([dot.row.scores.get(name, math.nan) for dot in dots]) for name in names
    }
    if all(not np.isfinite(column).any() for column in columns.values()):
        raise NoFigure("No benchmark has scores yet.")
    kinds = classes(dots, given.facts.board.direction)
    cell = SIZE / len(names)
    parts: list[Markup] = []
    for low, y_name in enumerate(names):
        for across, x_name in enumerate(names):
            x, y = cell * across, cell * low
            parts.append(
                tag("rect", class_="frame", x=x + 3, y=y + 3, width=cell - 6, height=cell - 6)
            )
            middle = {"x": x + cell / 2, "y": y + cell / 2 + 4, "text_anchor": "middle"}
            if low == across:
                words = clipped(y_name, round(cell / 8))
                parts.append(tag("text", words, class_="label strong", **middle))
            elif low < across:
                found = _agreement(columns[x_name], columns[y_name])
                words = "\u2013" if found is None else f"{found:.2f}".replace("-", "\u2212")
                parts.append(tag("text", words, class_="label", **middle))
            else:
                parts += _cloud(columns[x_name], columns[y_name], kinds, x, y, cell)
    which = None
    if len(names) < len(every):
        which = f"the first {len(names)} of {len(every)} benchmarks"
    rows = [
        (mixture_words(dot.row), *(_cell(columns[name][place]) for name in names))
        for place, dot in enumerate(dots)
    ]
    return StudyFigure(
        figure=Figure(
            name="pairs",
            title="Benchmarks against each other",
            svg=drawing(SIZE, SIZE, _label("Benchmarks against each other", names), parts),
            header=("Mixture", *names),
            rows=tuple(reversed(rows)),
        ),
        about="Each dot a mixture. Above the diagonal: rank correlation of what is drawn. "
        "Where it is near 0 two benchmarks ask for different mixtures.",
        shown="; ".join(filter(None, (which, shown))) or None,
        keys=CLASS_KEYS,
    )


def _agreement(a: np.ndarray, b: np.ndarray) -> float | None:
    both = np.isfinite(a) & np.isfinite(b)
    return rank_correlation(a[both], b[both])


def _cloud(
    xs: np.ndarray, ys: np.ndarray, kinds: Sequence[str], left: float, top: float, cell: float
) -> list[Markup]:
    x_axis: Axis = axis_over(xs.tolist(), left + 8, left + cell - 8)
    y_axis: Axis = axis_over(ys.tolist(), top + cell - 8, top + 8)
    return [
        tag("circle", class_=f"point {kind}", cx=x_axis.at(x), cy=y_axis.at(y), r=2)
        for x, y, kind in zip(xs.tolist(), ys.tolist(), kinds, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]


def _cell(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _label(title: str, names: Sequence[str]) -> str:
    return f"{title}: {', '.join(names)}. The table beneath has the numbers."
