"""Mixtures in a triangle: the shares of three sources, or of three groups of more of them.

An SVG of our own, as all figures beside the response curve. The groups are those that a study is
spoken of in: SFT and pretraining, and inside one of them its domains.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mixtures.source import Source
from mixtures.study import StudySpec
from service.pages.figure import Cell, Figure, clipped, drawing, tag
from service.pages.study_figure import CLASS_KEYS, Given, StudyFigure, classes, mixture_words

SIZE = 480
LEFT, TOP, SIDE = 60.0, 34.0, 360.0
HEIGHT = SIDE * math.sqrt(3) / 2
KIND_WORDS = {"pretrain": "pretraining", "sft": "SFT"}
# Of a group's sources so many are named under the figure.
MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Group:
    """Sources whose shares are added up: one corner."""

    label: str
    names: tuple[str, ...]

    def share(self, shares: Mapping[str, float]) -> float:
        return math.fsum(shares.get(name, 0.0) for name in self.names)

    def __str__(self) -> str:
        num_more = len(self.names) - MOST_NAMED
        more = f" and {num_more} more" if num_more > 0 else ""
        return f"{self.label} is {', '.join(self.names[:MOST_NAMED])}{more}"


def three_groups(spec: StudySpec) -> tuple[Group, ...]:
    """Of a study with three sources or more.

    Three sources are their own groups. Of more, those of a kind are one, and the pretraining
    sources, or else the SFT sources, are parted in two: by their two domains, or into the domain
    (or the source) that has most of them and the others.
    """
    if len(spec.sources) == 3:
        return tuple(Group(source.name, (source.name,)) for source in spec.sources)
    groups = []
    for kind, words in KIND_WORDS.items():
        names = tuple(source.name for source in spec.sources if source.kind == kind)
        if names:
            groups.append(Group(words, names))
    of_name = {source.name: source for source in spec.sources}
    weights = {**spec.shares_in_group("pretrain"), **spec.shares_in_group("sft")}
    while len(groups) < 3:
        place = next(at for at, group in enumerate(groups) if len(group.names) > 1)
        groups[place : place + 1] = _parted(groups[place], of_name, weights)
    return tuple(groups)


def _parted(
    group: Group, of_name: Mapping[str, Source], weights: Mapping[str, float]
) -> tuple[Group, Group]:
    by_part: dict[str, list[str]] = {}
    has_domains = len({of_name[name].domain for name in group.names}) > 1
    for name in group.names:
        by_part.setdefault(of_name[name].domain if has_domains else name, []).append(name)
    first = max(by_part, key=lambda part: sum(weights.get(name, 0.0) for name in by_part[part]))
    rest = tuple(name for name in group.names if name not in by_part[first])
    others = [part for part in by_part if part != first]
    label = others[0] if len(others) == 1 else f"other {group.label}"
    return Group(first, tuple(by_part[first])), Group(label, rest)


def ternary_plot(given: Given) -> StudyFigure:
    """Three shares as a place: at a corner a mixture is one source, or one group, alone."""
    groups = three_groups(given.study.spec)
    labels = tuple(group.label for group in groups)
    dots, shown = given.dots()
    parts = _frame(labels)
    rows: list[tuple[Cell, ...]] = []
    for dot, kind in zip(dots, classes(dots, given.facts.board.direction), strict=True):
        shares = [group.share(dot.row.shares) for group in groups]
        x, y = _at(shares)
        said = tag("title", f"{mixture_words(dot.row)}: {dot.value:.4f}")
        parts.append(tag("circle", said, class_=f"point {kind}", cx=x, cy=y, r=4))
        rows.append((*(round(share, 6) for share in shares), dot.value, dot.row.rank))
    told = [str(group) for group in groups if group.names != (group.label,)]
    return StudyFigure(
        figure=Figure(
            name="ternary",
            title="Mixtures in a triangle",
            svg=drawing(
                SIZE,
                round(TOP + HEIGHT + 34),
                f"Mixtures in a triangle: {', '.join(labels)}. The table beneath has the numbers.",
                parts,
            ),
            header=(*labels, "Score", "Rank"),
            rows=tuple(reversed(rows)),
        ),
        about=". ".join([f"Each dot a mixture, by {given.y_label}", *told]) + ".",
        shown=shown,
        keys=CLASS_KEYS,
    )


def _at(shares: Sequence[float]) -> tuple[float, float]:
    """Corners: the first below left, the second below right, the third on top."""
    x = LEFT + SIDE * (shares[1] + shares[2] / 2)
    return round(x, 1), round(TOP + HEIGHT * (1 - shares[2]), 1)


def _frame(labels: Sequence[str]) -> list[Markup]:
    parts = []
    for step in (0.25, 0.5, 0.75):
        for ends in (
            ((1 - step, 0, step), (0, 1 - step, step)),
            ((step, 1 - step, 0), (step, 0, 1 - step)),
            ((1 - step, step, 0), (0, step, 1 - step)),
        ):
            (x1, y1), (x2, y2) = _at(ends[0]), _at(ends[1])
            parts.append(tag("line", class_="grid", x1=x1, y1=y1, x2=x2, y2=y2))
    corners = [_at([float(place == corner) for place in range(3)]) for corner in range(3)]
    outline = " ".join(f"{x:g},{y:g}" for x, y in corners)
    parts.append(tag("polygon", class_="outline", points=outline))
    # Those below begin and end with the drawing: they would not fit about their corners.
    places = ((4, 20, "start"), (SIZE - 4, 20, "end"), (corners[2][0], -12, "middle"))
    for label, (_, y), (x, dy, anchor) in zip(labels, corners, places, strict=True):
        words = f"100 % {clipped(label, 18)}"
        parts.append(tag("text", words, class_="label", x=x, y=y + dy, text_anchor=anchor))
    return parts
