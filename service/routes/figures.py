"""The study page's table, response curve and figures as JSON: what the page itself is made of."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from db.studies import StoredStudy
from service.pages import study_view
from service.pages.chart import Chart, chart
from service.pages.mixture_table import TablePage, TableQuery
from service.pages.study_figure import FigureData, Given, StudyFigure
from service.pages.study_figures import study_figure
from service.paging import link_next
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import Controller, ControllerDep
from service.study_facts import StudyFacts

router = APIRouter(prefix="/v1/studies/{study_id}", tags=["answers"], dependencies=[READ])

Wanted = Annotated[TableQuery, Query()]


@router.get("/table", operation_id="get_table")
def get_table(
    study_id: str, request: Request, response: Response, controller: ControllerDep, wanted: Wanted
) -> TablePage:
    """Rows of the leaderboard, filtered, sorted and a page at a time."""
    facts = facts_of(controller, stored_study(controller, study_id))
    page = facts.table.page(wanted, facts.shown_version)
    link_next(request, response, page.next_after)
    return page


@router.get("/curve", operation_id="get_curve")
def get_curve(study_id: str, controller: ControllerDep, wanted: Wanted) -> Chart:
    """Trials, means and the fitted curve over the SFT share, of the objective or a benchmark."""
    return chart(facts_of(controller, stored_study(controller, study_id)), wanted)


@router.get("/figures/{name}", operation_id="get_figure")
def get_figure(study_id: str, name: str, controller: ControllerDep, wanted: Wanted) -> FigureData:
    """The rows that a figure of the study's page draws. 409 while it cannot be drawn."""
    study = stored_study(controller, study_id)
    facts = facts_of(controller, study)
    return drawn_figure(controller, study, facts, name, wanted).data(facts.shown_version)


def facts_of(controller: Controller, study: StoredStudy) -> StudyFacts:
    """Those of before where newer ones take long; waits for the first."""
    found = controller.facts.of(study, study_view.FIRST_SCREEN_SECONDS)
    return controller.facts.of(study).facts if found.are_none else found.facts


def drawn_figure(
    controller: Controller, study: StoredStudy, facts: StudyFacts, name: str, wanted: TableQuery
) -> StudyFigure:
    """Raises BadInput and NoFigure."""
    with controller.database.read() as session:
        given = Given(
            study=study, facts=facts, query=wanted, answers=controller.answers, session=session
        )
        return study_figure(given, name)
