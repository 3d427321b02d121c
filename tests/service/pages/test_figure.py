"""Figures: positions and ticks by hand, and nothing a user wrote becomes markup."""

import re
import xml.etree.ElementTree as ET

import pytest

from service.pages.figure import Axis, axis_over, short, tag
from service.pages.line_figure import Mark, Series, line_drawing
from service.pages.row_figure import Row, cell_drawing, interval_drawing

NAN = float("nan")


def test_axis_places_numbers_and_has_round_ticks() -> None:
    axis = Axis(low=0.0, high=10.0, start=100.0, end=200.0)
    assert [axis.at(value) for value in (0.0, 2.5, 10.0)] == [100.0, 125.0, 200.0]
    assert axis.ticks(6) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert Axis(low=2.51, high=2.59, start=0, end=1).ticks(5) == [2.52, 2.54, 2.56, 2.58]


@pytest.mark.parametrize("values", [[], [3.0], [NAN], [0.0, 0.0]])
def test_axis_over_nothing_or_one_number_is_still_an_axis(values: list[float]) -> None:
    axis = axis_over(values, 0.0, 1.0)
    assert axis.low < axis.high
    assert axis.ticks()


@pytest.mark.parametrize(
    ("value", "text"), [(150_000, "150k"), (2_500_000, "2.5M"), (0.005, "0.005"), (-2, "\u22122")]
)
def test_short_numbers(value: float, text: str) -> None:
    assert short(value) == text


def test_tag_escapes_what_it_is_given() -> None:
    assert tag("text", "<b>&", class_='"x"') == '<text class="&#34;x&#34;">&lt;b&gt;&amp;</text>'


def test_a_line_has_a_gap_where_a_value_is_missing() -> None:
    series = [Series(label="loss", kind="line", x=[0, 1, 2, 3, 4], y=[3.0, 2.0, NAN, 1.0, 0.5])]
    svg = line_drawing(series, title="t", x_label="x", y_label="y")
    points = [one.get("points") for one in ET.fromstring(svg).iter() if "points" in one.attrib]
    assert [len(str(one).split()) for one in points] == [2, 2]


def test_every_drawing_is_whole_xml_with_a_label() -> None:
    attack = "<script>alert(1)</script>"
    band = Series(label="b", kind="band", x=[0.0, 1.0], low=[1.0, 1.0], high=[2.0, 2.0])
    dots = Series(label=attack, kind="points", x=[0.5], y=[1.5], half=[0.1])
    drawings = [
        line_drawing(
            [band, dots], title=attack, x_label="x", y_label="y", marks=[Mark(x=0.6, label=attack)]
        ),
        interval_drawing(
            [Row(label=attack, values=((1.0, (0.5, 1.5), "s0"), (None, None, "s1")))],
            title="t",
            x_label="x",
            zero=True,
        ),
        interval_drawing([], title="empty", x_label="x"),
        cell_drawing([(attack, [0.0, 1.0])], ["a", attack], title="t"),
    ]
    for svg in drawings:
        root = ET.fromstring(svg)
        assert root.get("aria-label")
        assert root.get("viewBox")
        assert "<script" not in svg
        assert not re.search(r"\bstyle=", svg)
