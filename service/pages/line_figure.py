"""Figures of lines, bands and points over a number: learning curves, response curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from service.pages.figure import Axis, axis_over, drawing, short, tag

WIDTH, HEIGHT = 480, 280
# To the right there is room for half of the last tick's label, in a telephone's larger letters.
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 26, 40, 44


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """`kind` says how it is drawn; a band takes `low` and `high`, points may have `half` widths."""

    label: str
    kind: Literal["line", "band", "points"]
    x: Sequence[float]
    y: Sequence[float] = ()
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    half: Sequence[float] = ()
    style: str = "s0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """An upright line at `x`, named above the plot."""

    x: float
    label: str
    style: str = "reference"


def line_drawing(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    marks: Sequence[Mark] = (),
    x_range: tuple[float, float] | None = None,
    from_zero: bool = False,
    percent: bool = False,
) -> Markup:
    """The figure's SVG. What is not finite is left out of a line, which then has a gap."""
    xs = [x for one in series for x in one.x]
    ys = [y for one in series for y in (*one.y, *one.low, *one.high)]
    ys += [
        y + s * h for one in series for y, h in zip(one.y, one.half, strict=False) for s in (1, -1)
    ]
    low, high = x_range or (min(xs, default=0.0), max(xs, default=1.0))
    high = high if high > low else low + 1
    x_axis = Axis(low=low, high=high, start=_LEFT, end=WIDTH - _RIGHT)
    y_axis = axis_over(ys, HEIGHT - _BOTTOM, _TOP, include=(0.0,) if from_zero else ())
    parts = _frame(x_axis, y_axis, x_label, y_label, percent)
    for mark in marks:
        at = x_axis.at(mark.x)
        anchor = "start" if at < _LEFT + 40 else "end" if at > WIDTH - 50 else "middle"
        parts.append(
            tag("line", class_=f"mark {mark.style}", x1=at, x2=at, y1=_TOP, y2=HEIGHT - _BOTTOM)
        )
        parts.append(tag("text", mark.label, class_="note", x=at, y=_TOP - 6, text_anchor=anchor))
    order = {"band": 0, "line": 1, "points": 2}
    for one in sorted(series, key=lambda one: order[one.kind]):
        parts += _drawn(one, x_axis, y_axis)
    return drawing(WIDTH, HEIGHT, f"{title}. {y_label} over {x_label}.", parts)


def _frame(x_axis: Axis, y_axis: Axis, x_label: str, y_label: str, percent: bool) -> list[Markup]:
    bottom = HEIGHT - _BOTTOM
    parts = []
    for value in y_axis.ticks(5):
        at = y_axis.at(value)
        parts.append(tag("line", class_="grid", x1=_LEFT, x2=WIDTH - _RIGHT, y1=at, y2=at))
        parts.append(
            tag("text", short(value), class_="tick", x=_LEFT - 7, y=at + 4, text_anchor="end")
        )
    for value in x_axis.ticks(6):
        at = x_axis.at(value)
        said = f"{100 * value:.4g}\u00a0%" if percent else short(value)
        parts.append(tag("line", class_="grid", x1=at, x2=at, y1=bottom, y2=bottom + 4))
        parts.append(tag("text", said, class_="tick", x=at, y=bottom + 17, text_anchor="middle"))
    parts.append(tag("line", class_="axis", x1=_LEFT, x2=WIDTH - _RIGHT, y1=bottom, y2=bottom))
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(tag("text", x_label, class_="label", x=middle, y=HEIGHT - 8, text_anchor="middle"))
    parts.append(tag("text", y_label, class_="label", x=4, y=12))
    return parts


def _drawn(one: Series, x_axis: Axis, y_axis: Axis) -> list[Markup]:
    if one.kind == "band":
        along = [(x_axis.at(x), y_axis.at(y)) for x, y in zip(one.x, one.high, strict=True)]
        back = [(x_axis.at(x), y_axis.at(y)) for x, y in zip(one.x, one.low, strict=True)]
        points = " ".join(f"{x:g},{y:g}" for x, y in (*along, *reversed(back)))
        return [tag("polygon", class_=f"band {one.style}", points=points)]
    if one.kind == "line":
        return [
            tag("polyline", class_=f"line {one.style}", points=points)
            for points in _runs(one, x_axis, y_axis)
        ]
    parts = []
    halves = list(one.half) or [0.0] * len(one.x)
    for x, y, half in zip(one.x, one.y, halves, strict=True):
        if not math.isfinite(y):
            continue
        at = x_axis.at(x)
        if half > 0:
            y1, y2 = y_axis.at(y - half), y_axis.at(y + half)
            parts.append(tag("line", class_=f"whisker {one.style}", x1=at, x2=at, y1=y1, y2=y2))
        said = tag("title", f"{one.label}: {short(x)}, {y:.4f}")
        parts.append(tag("circle", said, class_=f"point {one.style}", cx=at, cy=y_axis.at(y), r=3))
    return parts


def _runs(one: Series, x_axis: Axis, y_axis: Axis) -> list[str]:
    """Points of each unbroken run of finite values."""
    runs: list[list[str]] = [[]]
    for x, y in zip(one.x, one.y, strict=True):
        if math.isfinite(y):
            runs[-1].append(f"{x_axis.at(x):g},{y_axis.at(y):g}")
        elif runs[-1]:
            runs.append([])
    return [" ".join(run) for run in runs if run]
