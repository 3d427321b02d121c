"""The page of a study's recommendation: what it rests on, what would change it, and its file."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from db.studies import StoredStudy
from mixtures.export.formats import FORMATS
from mixtures.rank import Leaderboard
from mixtures.recommendation import NotEnoughTrials, Recommendation
from mixtures.what_would_change import what_would_change
from service.pages.export_preview import export_preview
from service.pages.html import html_page
from service.pages.report_figures import report_figures
from service.routes.exports import provenance_of
from service.routes.studies import stored_study
from service.state import Controller, ControllerDep

router = APIRouter(include_in_schema=False)

# On paper; the page of the study has them all.
_MOST_ROWS = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A study with its answer; `recommendation` is None where `why_none` says why."""

    study: StoredStudy
    board: Leaderboard
    recommendation: Recommendation | None
    why_none: str
    changes: tuple[str, ...]
    provenance: dict[str, object]


@router.get("/studies/{study_id}/recommendation")
def recommendation_page(study_id: str, controller: ControllerDep, request: Request) -> Response:
    """The query is that of the form: format and its options."""
    found = _answered(controller, study_id)
    preview = None
    if found.recommendation is not None:
        preview = export_preview(
            controller, found.study, found.recommendation, request.query_params.multi_items()
        )
    return html_page(
        "recommendation.html",
        study=found.study,
        found=found,
        answer=found.recommendation,
        preview=preview,
        formats=list(FORMATS.values()),
    )


@router.get("/studies/{study_id}/report")
def report_page(study_id: str, controller: ControllerDep) -> Response:
    """All on one page, for paper; the browser prints it to PDF."""
    found = _answered(controller, study_id)
    with controller.database.read() as session:
        signal = controller.answers.signal(session, found.study)
    return html_page(
        "report.html",
        study=found.study,
        found=found,
        answer=found.recommendation,
        signal=signal,
        figures=report_figures(controller, found.study, found.board, found.recommendation, signal),
        rows=found.board.rows[:_MOST_ROWS],
    )


def _answered(controller: Controller, study_id: str) -> Answered:
    study = stored_study(controller, study_id)
    recommendation: Recommendation | None
    with controller.database.read() as session:
        board = controller.answers.leaderboard(session, study)
        try:
            recommendation, why_none = controller.answers.recommendation(session, study), ""
        except NotEnoughTrials as error:
            recommendation, why_none = None, str(error)
        provenance = provenance_of(session, study)
    changes = what_would_change(study.spec, recommendation, board) if recommendation else ()
    return Answered(
        study=study,
        board=board,
        recommendation=recommendation,
        why_none=why_none,
        changes=changes,
        provenance=provenance,
    )
