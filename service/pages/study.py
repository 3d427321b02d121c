"""The page of one study: the answer, how sure it is, and how far its trials are.

Its table and its figures are pages too, each for one filter: without a script they are links, and
the page's script fetches their parts.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from db.studies import UnknownStudy
from service.pages import plotly
from service.pages.html import html_page
from service.pages.mixture_table import TableQuery
from service.pages.study_figure import NoFigure
from service.pages.study_figures import figures_of
from service.pages.study_view import progress_view, study_view, table_view
from service.routes.figures import drawn_figure, facts_of
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep

router = APIRouter(include_in_schema=False, dependencies=[READ])
router.include_router(plotly.router)

Wanted = Annotated[TableQuery, Query()]


@router.get("/studies/{study_id}")
def study_page(
    study_id: str, controller: ControllerDep, request: Request, wanted: Wanted
) -> Response:
    """The whole page; its script fetches it again and swaps the parts that changed."""
    try:
        study = stored_study(controller, study_id)
    except UnknownStudy:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return html_page("no_study.html", status=404, study_id=study_id)
    view = study_view(controller, study, wanted)
    return html_page("study.html", study=study, view=view, query=request.url.query)


@router.get("/studies/{study_id}/progress")
def study_progress(study_id: str, controller: ControllerDep) -> Response:
    """The part of the page that moves every second, alone."""
    view = progress_view(controller, stored_study(controller, study_id))
    return html_page("progress.html", progress=view)


@router.get("/studies/{study_id}/table")
def study_table(study_id: str, controller: ControllerDep, wanted: Wanted) -> Response:
    """The leaderboard's part, alone."""
    study = stored_study(controller, study_id)
    table = table_view(study, facts_of(controller, study), wanted)
    return html_page("leaderboard.html", table=table)


@router.get("/studies/{study_id}/figures/{name}")
def study_figure_page(
    study_id: str, name: str, controller: ControllerDep, request: Request, wanted: Wanted
) -> Response:
    """One figure with its table, or why it cannot be drawn."""
    study = stored_study(controller, study_id)
    facts = facts_of(controller, study)
    titles = {kind.name: kind.title for kind in figures_of(study.spec)}
    drawn, why_not = None, ""
    try:
        drawn = drawn_figure(controller, study, facts, name, wanted)
    except NoFigure as error:
        why_not = str(error)
    return html_page(
        "study_figure.html",
        study=study,
        name=name,
        title=titles[name],
        drawn=drawn,
        why_not=why_not,
        query=request.url.query,
    )
