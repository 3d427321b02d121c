"""Figures of one row a thing: a value with its interval, or cells of shares."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from service.pages.figure import Axis, axis_over, clipped, drawing, short, tag

WIDTH = 480
# To the right there is room for half of the last tick's label, in a telephone's larger letters.
_ROW, _TOP, _BOTTOM, _RIGHT = 22, 12, 40, 26
# Of a label: about this many characters fit beside a plot.
_LABEL_CHARACTERS, _LEFT = 22, 158
# Of a column of cells: the names over them must not lie on each other.
_NARROWEST = 13.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """`values` are drawn on one line, each (value, interval or None, style)."""

    label: str
    values: tuple[tuple[float | None, tuple[float, float] | None, str], ...]


def interval_drawing(
    rows: Sequence[Row], *, title: str, x_label: str, zero: bool = False, percent: bool = False
) -> Markup:
    """A dot and a whisker for each value. With `zero`, an upright line there: no difference."""
    numbers = [
        number
        for row in rows
        for value, interval, _ in row.values
        if value is not None
        for number in (value, *(interval or ()))
    ]
    axis = axis_over(numbers, _LEFT, WIDTH - _RIGHT, include=(0.0,) if zero else ())
    bottom = _TOP + _ROW * len(rows)
    parts = []
    for value in axis.ticks(5):
        at = axis.at(value)
        said = f"{100 * value:.4g}\u00a0%" if percent else short(value)
        parts.append(tag("line", class_="grid", x1=at, x2=at, y1=_TOP, y2=bottom))
        parts.append(tag("text", said, class_="tick", x=at, y=bottom + 15, text_anchor="middle"))
    if zero:
        at = axis.at(0.0)
        parts.append(tag("line", class_="mark reference", x1=at, x2=at, y1=_TOP, y2=bottom))
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(
        tag("text", x_label, class_="label", x=middle, y=bottom + 32, text_anchor="middle")
    )
    for place, row in enumerate(rows):
        parts += _row(row, axis, _TOP + _ROW * (place + 0.5))
    return drawing(WIDTH, bottom + _BOTTOM, f"{title}. One row each: {x_label}.", parts)


def _row(row: Row, axis: Axis, y: float) -> list[Markup]:
    parts = [
        tag(
            "text",
            clipped(row.label, _LABEL_CHARACTERS),
            class_="tick",
            x=_LEFT - 8,
            y=y + 4,
            text_anchor="end",
        )
    ]
    for place, (value, interval, style) in enumerate(row.values):
        if value is None or not math.isfinite(value):
            continue
        # Two on one line stand a little apart, so that neither hides the other.
        at = y + 5 * (place - (len(row.values) - 1) / 2)
        if interval is not None:
            x1, x2 = (axis.at(end) for end in interval)
            parts.append(tag("line", class_=f"whisker {style}", x1=x1, x2=x2, y1=at, y2=at))
        words = f"{row.label}: {value:.4f}"
        if interval is not None:
            words += f" ({interval[0]:.4f} to {interval[1]:.4f})"
        parts.append(
            tag(
                "circle",
                tag("title", words),
                class_=f"point {style}",
                cx=axis.at(value),
                cy=at,
                r=3.5,
            )
        )
    return parts


def cell_drawing(
    rows: Sequence[tuple[str, Sequence[float]]], columns: Sequence[str], *, title: str
) -> Markup:
    """Shares as cells, darker for more; a row a mixture and a column a source."""
    top, height = 96, 14
    most = max((share for _, shares in rows for share in shares), default=1.0) or 1.0
    width = max(_NARROWEST, min(28.0, (WIDTH - _LEFT - _RIGHT) / max(len(columns), 1)))
    parts = []
    for place, name in enumerate(columns):
        x = round(_LEFT + width * (place + 0.5) + 4, 1)
        parts.append(
            tag(
                "text",
                clipped(name, 14),
                class_="tick small",
                x=x,
                y=top - 6,
                transform=f"rotate(-60 {x:g} {top - 6})",
            )
        )
    for line, (label, shares) in enumerate(rows):
        y = top + height * line
        parts.append(
            tag(
                "text",
                clipped(label, _LABEL_CHARACTERS),
                class_="tick small",
                x=_LEFT - 8,
                y=y + 11,
                text_anchor="end",
            )
        )
        for place, share in enumerate(shares):
            if share <= 0:
                continue
            parts.append(
                tag(
                    "rect",
                    tag("title", f"{columns[place]} {100 * share:.4g} %"),
                    class_="cell",
                    x=round(_LEFT + width * place, 1),
                    y=y,
                    width=round(width - 1, 1),
                    height=height - 1,
                    fill_opacity=f"{0.08 + 0.92 * share / most:.2g}",
                )
            )
    whole = max(WIDTH, _LEFT + width * len(columns) + 60)
    return drawing(whole, top + height * len(rows) + 8, f"{title}. Darker is more.", parts)
