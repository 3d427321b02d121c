"""The page of one study: the answer, how sure it is, and how far its trials are."""

from fastapi import APIRouter, Request, Response

from db.studies import UnknownStudy
from service.pages import plotly
from service.pages.html import html_page
from service.pages.study_view import progress_view, study_view
from service.routes.studies import stored_study
from service.state import ControllerDep

router = APIRouter(include_in_schema=False)
router.include_router(plotly.router)


@router.get("/studies/{study_id}")
def study_page(study_id: str, controller: ControllerDep, request: Request) -> Response:
    """The whole page; its script fetches it again and swaps the parts that changed."""
    try:
        study = stored_study(controller, study_id)
    except UnknownStudy:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return html_page("no_study.html", status=404, study_id=study_id)
    view = study_view(controller, study)
    return html_page("study.html", study=study, view=view)


@router.get("/studies/{study_id}/progress")
def study_progress(study_id: str, controller: ControllerDep) -> Response:
    """The part of the page that moves every second, alone."""
    view = progress_view(controller, stored_study(controller, study_id))
    return html_page("progress.html", progress=view)
