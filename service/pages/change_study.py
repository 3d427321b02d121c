"""What can be changed of a study: note, tags, pause, archive, more budget, seeds, shares."""

from fastapi import APIRouter, Response

from service.pages.html import html_page
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep
from service.study_status import study_status

router = APIRouter(include_in_schema=False, dependencies=[READ])


@router.get("/studies/{study_id}/change")
def change_page(study_id: str, controller: ControllerDep) -> Response:
    """Forms over PATCH /v1/studies/{id} and POST /v1/studies/{id}/extend."""
    study = stored_study(controller, study_id)
    return html_page(
        "change_study.html",
        study=study,
        spec=study.spec,
        standing=study_status(controller, study),
    )
