"""The figures of a report: the page's own, those left out that this study has nothing to draw in,
and for open shares and factors what each of them does.
"""

from markupsafe import Markup

from db.database import Session
from db.studies import StoredStudy
from mixtures.factor_effects import FactorEffect, FactorEffects
from mixtures.factors import level_words
from service.pages.figure import Cell, Figure
from service.pages.line_figure import Series, line_drawing
from service.pages.mixture_table import TableQuery
from service.pages.report_figures import report_figures
from service.pages.row_figure import Row, interval_drawing
from service.pages.study_figure import Given, NoFigure
from service.pages.study_figures import study_figure
from service.report.standalone_svg import side_by_side
from service.state import Controller
from service.study_facts import StudyFacts

_MOST_PROFILES, _MOST_SETTINGS = 12, 25


def report_drawings(
    controller: Controller,
    session: Session,
    study: StoredStudy,
    facts: StudyFacts,
    effects: FactorEffects | None,
) -> tuple[Figure, ...]:
    """In the report's order."""
    shares = {round(row.sft_share, 6) for row in facts.board.rows}
    mixtures = {tuple(sorted(row.shares.items())) for row in facts.board.rows}
    needs = {"score-by-share": len(shares) > 1, "mixtures": len(mixtures) > 1}
    found = [one for one in report_figures(facts) if needs.get(one.name, True)]
    given = Given(
        study=study, facts=facts, query=TableQuery(), answers=controller.answers, session=session
    )
    if study.spec.axes and facts.board.rows:
        found.append(_settings(facts))
    if effects is not None:
        found += _drawn(given, "effects")
        if effects.factors:
            found.append(_profiles(effects))
    if study.spec.search is not None:
        found += _drawn(given, "regret")
    return tuple(found)


def _drawn(given: Given, name: str) -> list[Figure]:
    try:
        return [study_figure(given, name).figure]
    except NoFigure:
        return []


def _settings(facts: StudyFacts) -> Figure:
    """Means of mixtures at their levels, with intervals."""
    few = facts.board.rows[:_MOST_SETTINGS]
    has_shares = len({round(row.sft_share, 6) for row in facts.board.rows}) > 1
    rows, cells = [], []
    for row in few:
        levels = [level_words(level) for level in row.factors.values()]
        share = [f"{100 * row.sft_share:.3g} %"] if has_shares else []
        label = ", ".join([*share, *levels])
        rows.append(Row(label=label, values=((row.mean, row.interval, "s0"),)))
        cells.append((label, row.mean, *(row.interval or (None, None))))
    title = "Settings by rank"
    if len(facts.board.rows) > len(few):
        title = f"The {len(few)} best of {len(facts.board.rows)} settings"
    x_label = facts.board.metric.replace("_", " ")
    return Figure(
        name="settings",
        title=title,
        svg=interval_drawing(rows, title=title, x_label=x_label),
        header=("setting", "mean", "95 % from", "to"),
        rows=tuple(cells),
    )


def _profiles(effects: FactorEffects) -> Figure:
    """What each share does over the range tried, the others keeping their ratios."""
    few = effects.factors[:_MOST_PROFILES]
    rows: list[tuple[Cell, ...]] = [
        (one.factor, share, *numbers)
        for one in few
        for share, *numbers in zip(one.shares, one.effect, one.low, one.high, strict=True)
    ]
    title = "What each share does"
    return Figure(
        name="profiles",
        title=title,
        svg=side_by_side([_profile(one, effects.metric) for one in few], f"{title}: {len(few)}."),
        header=("source", "share", "effect", "95 % from", "to"),
        rows=tuple(rows),
    )


def _profile(one: FactorEffect, metric: str) -> Markup:
    return line_drawing(
        [
            Series(label="95 %", kind="band", x=one.shares, low=one.low, high=one.high),
            Series(label=one.factor, kind="line", x=one.shares, y=one.effect),
        ],
        title=one.factor,
        x_label=f"share of {one.factor}".replace("share of sft_share", "SFT share"),
        y_label=f"effect on {metric.replace('_', ' ')}",
        percent=True,
    )
