"""A figure of a page: an SVG drawn on the server, and the rows that it draws as a table.

Both are made of the same numbers at once, so that they cannot disagree. Drawn here and not by
Plotly: these figures need no zoom, are there without a script and print as they are. Colours are
classes (static/figures.css), so that light and dark follow the page; no style stands in the markup.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup, escape

Cell = str | float | int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """`name` is its file name when downloaded; `header` and `rows` are its table."""

    name: str
    title: str
    svg: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """Numbers from `low` to `high` onto positions from `start` to `end`, with round ticks."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        place = (value - self.low) / (self.high - self.low)
        return round(self.start + place * (self.end - self.start), 1)

    def ticks(self, most: int = 6) -> list[float]:
        """At most `most` round numbers within the axis: steps of 1, 2 or 5 times a power of ten."""
        raw = (self.high - self.low) / max(most - 1, 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(
            factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9)
        )
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(n * step, 12) for n in range(first, last + 1)]


def axis_over(
    values: Sequence[float], start: float, end: float, *, include: Sequence[float] = ()
) -> Axis:
    """An axis that holds all finite values with a little room; one value gets room of its own."""
    found = [value for value in (*values, *include) if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(found), max(found)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return Axis(low=low - room, high=high + room, start=start, end=end)


def tag(name: str, content: str | Markup = "", **attributes: object) -> Markup:
    """An SVG element; `class_` is class, `text_anchor` is text-anchor. Everything is escaped."""
    # Thousands of them are a figure: a number has nothing to escape, and `Markup.format` looks at
    # each value's type in Python.
    text = "".join(
        f' {_attribute(key)}="{value if type(value) in _NUMBERS else escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{text}>{escape(content)}</{name}>")


_NUMBERS = frozenset({int, float})


@cache
def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


# Wider than this it is scrolled sideways on a narrow screen: shrunk, nobody could read it.
WIDE = 640


def drawing(width: float, height: float, label: str, parts: Sequence[Markup]) -> Markup:
    """The whole SVG. `label` is what a screen reader says; the table beside has the numbers."""
    return tag(
        "svg",
        Markup("").join(parts),
        xmlns="http://www.w3.org/2000/svg",
        class_="drawing wide" if width > WIDE else "drawing",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
    )


def short(value: float) -> str:
    """A tick's label: `150k`, `1.5M`, `0.005`, with a true minus."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / (1e3 if unit == "k" else limit)
            return f"{scaled:.4g}{unit}".replace("-", "\u2212")
    return f"{value:.4g}".replace("-", "\u2212")


def clipped(text: str, most: int) -> str:
    """A label that fits; the table has the whole name."""
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"
