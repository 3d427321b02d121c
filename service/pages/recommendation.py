"""The page of a study's recommendation: what it rests on, what would change it, and its file."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from db.studies import StoredStudy
from mixtures.export.formats import FORMATS
from mixtures.recommendation import Recommendation
from mixtures.verdict import Verdict
from mixtures.what_would_change import what_would_change
from service.answers import ANSWER_SECONDS, FitNotReady
from service.confirming import confirmation_or_none
from service.full_answer import with_front, with_note
from service.pages.export_preview import export_preview
from service.pages.html import html_page
from service.pages.report_figures import report_figures
from service.pages.study_view import verdicts_view
from service.routes.exports import provenance_of
from service.routes.figures import facts_of
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import Controller, ControllerDep
from service.study_facts import StudyFacts

router = APIRouter(include_in_schema=False, dependencies=[READ])

# On paper; the page of the study has them all.
_MOST_ROWS = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A study with its answer, front and all; `facts.no_answer` says why there is none."""

    study: StoredStudy
    facts: StudyFacts
    answer: Recommendation | None
    changes: tuple[str, ...]
    provenance: dict[str, object]
    verdicts: tuple[Verdict, ...]


@router.get("/studies/{study_id}/recommendation")
def recommendation_page(study_id: str, controller: ControllerDep, request: Request) -> Response:
    """The query is that of the form: format and its options."""
    found = _answered(controller, study_id)
    answer, preview = found.answer, None
    with controller.database.read() as session:
        confirmation = confirmation_or_none(session, found.study)
    if answer is not None:
        query = request.query_params.multi_items()
        preview = export_preview(controller, found.study, answer, query)
    return html_page(
        "recommendation.html",
        study=found.study,
        found=found,
        answer=answer,
        confirmation=confirmation,
        preview=preview,
        formats=list(FORMATS.values()),
    )


@router.get("/studies/{study_id}/report")
def report_page(study_id: str, controller: ControllerDep) -> Response:
    """All on one page, for paper; the browser prints it to PDF."""
    found = _answered(controller, study_id)
    return html_page(
        "report.html",
        study=found.study,
        found=found,
        answer=found.answer,
        figures=report_figures(found.facts),
        rows=found.facts.board.rows[:_MOST_ROWS],
    )


def _answered(controller: Controller, study_id: str) -> Answered:
    study = stored_study(controller, study_id)
    facts = facts_of(controller, study)
    if facts.is_partial:
        # These pages are of the answer, and do not look again: so they wait for the fit.
        facts = controller.facts.of(study, ANSWER_SECONDS).facts
    answer = facts.recommendation
    with controller.database.read() as session:
        provenance = provenance_of(session, study)
        if answer is not None:
            try:
                answer = with_front(controller.answers, session, study, answer)
            except FitNotReady as error:
                answer = with_note(answer, f"There is no Pareto front yet: {error}.")
    return Answered(
        study=study,
        facts=facts,
        answer=answer,
        changes=what_would_change(study.spec, answer, facts.board) if answer else (),
        provenance=provenance,
        verdicts=verdicts_view(controller, study, ANSWER_SECONDS),
    )
