"""What every figure of a study's page is made of: the mixtures that pass the filter, one score of
each, and the words for what is drawn. The table behind a figure has the numbers that it draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from db.database import Session
from db.studies import StoredStudy
from mixtures.rank import LeaderboardRow
from mixtures.recommendation import NotEnoughTrials
from mixtures.value import Value
from service.answers import Answers
from service.pages.chart import LineName, line_named, value_of
from service.pages.figure import Cell, Figure
from service.pages.line_figure import Series
from service.pages.mixture_table import Rows, TableQuery, is_tied
from service.pages.thinned import thinned
from service.study_facts import StudyFacts

MOST_DOTS = 400
# Classes of scores, each drawn in a colour of its own.
NUM_CLASSES = 5


class NoFigure(NotEnoughTrials):
    """This figure cannot be drawn of this study yet; the message says why."""


class FigureData(Value):
    """A figure as JSON: the rows that it draws. `shown` says which, where these are not all."""

    version: str
    name: str
    title: str
    about: str
    shown: str | None
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyFigure:
    """A drawing with its rows. `keys` explain its styles: (style, words)."""

    figure: Figure
    about: str
    shown: str | None = None
    keys: tuple[tuple[str, str], ...] = ()

    def data(self, version: str) -> FigureData:
        """The same rows as JSON."""
        return FigureData(
            version=version,
            name=self.figure.name,
            title=self.figure.title,
            about=self.about,
            shown=self.shown,
            header=self.figure.header,
            rows=self.figure.rows,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    """One mixture that is drawn. `place` is its row on the leaderboard, `kind` its style."""

    place: int
    row: LeaderboardRow
    value: float
    kind: str


@dataclass(frozen=True)
class Given:
    """What a figure may use."""

    study: StoredStudy
    facts: StudyFacts
    query: TableQuery
    answers: Answers
    session: Session

    @cached_property
    def line(self) -> LineName:
        return line_named(self.facts, self.query.line)

    @property
    def y_label(self) -> str:
        """What is drawn upwards: the metric, of which benchmark, and which way is better."""
        board = self.facts.board
        of = "" if self.line.key == "objective" else f" of {self.line.label}"
        better = "lower" if board.direction == "minimise" else "higher"
        return f"{board.metric.replace('_', ' ')}{of} ({better} is better)"

    @cached_property
    def rows(self) -> Rows:
        return self.facts.table.matching(self.query.filter)

    def dots(self, most: int = MOST_DOTS) -> tuple[list[Dot], str | None]:
        """The mixtures to draw, worst first so that the best lie on top, and the words for them."""
        few, words = thinned(self.facts, self.rows, most)
        found = []
        for place in reversed(few.tolist()):
            value = value_of(self.facts, self.line, place)
            if value is not None:
                row = self.facts.board.rows[place]
                found.append(Dot(place=place, row=row, value=value, kind=_kind(row)))
        if not found:
            raise NoFigure("No mixture with a score passes the filter.")
        return found, words


def _kind(row: LeaderboardRow) -> str:
    if row.is_baseline:
        return "s1"
    return "s0" if is_tied(row) else "s2"


DOT_KEYS = (
    ("s0", "cannot be told from the best"),
    ("s1", "baseline"),
    ("s2", "other mixtures"),
)


def classes(dots: list[Dot], direction: str) -> list[str]:
    """`q0` (best) to `q4`: fifths of the dots by score."""
    sign = 1.0 if direction == "minimise" else -1.0
    order = sorted(range(len(dots)), key=lambda at: sign * dots[at].value)
    found = [""] * len(dots)
    for place, at in enumerate(order):
        found[at] = f"q{NUM_CLASSES * place // len(dots)}"
    return found


CLASS_KEYS = (
    ("q0", "best fifth"),
    ("q1", "second"),
    ("q2", "third"),
    ("q3", "fourth"),
    ("q4", "worst fifth"),
)


def mixture_words(row: LeaderboardRow, most: int = 4) -> str:
    """`61 % SFT: chat 40 %, code 21 %, …`: the largest shares."""
    shares = sorted(row.shares.items(), key=lambda item: -item[1])
    named = [f"{name} {100 * share:.3g} %" for name, share in shares if share > 0]
    more = ", \u2026" if len(named) > most else ""
    return f"{100 * row.sft_share:.3g} % SFT: {', '.join(named[:most])}{more}"


def points(pairs: list[tuple[float, float]], style: str, label: str) -> Series:
    xs, ys = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return Series(label=label, kind="points", x=xs, y=ys, style=style)


def figure_of(
    name: str,
    title: str,
    svg: Markup,
    header: tuple[str, ...],
    rows: Sequence[tuple[Cell, ...]],
) -> Figure:
    return Figure(name=name, title=title, svg=svg, header=header, rows=tuple(rows))
