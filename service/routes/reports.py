"""Verdicts on a study's claims, and its report as a document or as JSON."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter, ValidationError

from db.studies import StoredStudy
from mixtures.claims import MOST_CLAIMS, Claim, require_claims_fit
from mixtures.value import InvalidField
from mixtures.verdict import Verdict
from service.errors import BadInput
from service.report.markdown import report_markdown
from service.report.study_report import StudyReport, study_report
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep
from service.study_verdicts import study_verdicts

router = APIRouter(prefix="/v1/studies/{study_id}", tags=["answers"], dependencies=[READ])

_CLAIM: TypeAdapter[Claim] = TypeAdapter(Claim)
_DOCS = "a claim as JSON, once for each, in the place of the study's own"
Wanted = Annotated[list[str] | None, Query(description=_DOCS, max_length=MOST_CLAIMS)]


@router.get("/verdicts", operation_id="get_verdicts")
def get_verdicts(
    study_id: str, controller: ControllerDep, claim: Wanted = None
) -> tuple[Verdict, ...]:
    """Supported, not supported or undecided: what the trials say of each claim, and by how much.

    409 while there are too few trials for any answer.
    """
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        return study_verdicts(controller.answers, session, study, _claims(study, claim))


@router.get(
    "/report",
    operation_id="get_report",
    response_model=StudyReport,
    responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
)
def get_report(
    study_id: str,
    controller: ControllerDep,
    format: Literal["json", "markdown"] = "json",
    claim: Wanted = None,
) -> Response:
    """Question, verdict, recommendation, evidence, leaderboard, effects, cost and provenance.

    As JSON with its figures as SVG files. Waits for every fit that it needs, so of hundreds of open
    mixtures it takes minutes.
    """
    study = stored_study(controller, study_id)
    found = study_report(controller, study, _claims(study, claim))
    if format == "json":
        return Response(found.model_dump_json(), media_type="application/json")
    return Response(report_markdown(found), media_type="text/markdown")


def _claims(study: StoredStudy, given: Sequence[str] | None) -> tuple[Claim, ...] | None:
    """None: the study's own."""
    if not given:
        return None
    found = []
    for place, text in enumerate(given):
        try:
            found.append(_CLAIM.validate_json(text))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadInput(
                f"claim.{place}", text, f"{where}: {first['msg']}".lstrip(": ")
            ) from error
    try:
        require_claims_fit(study.spec, tuple(found))
    except InvalidField as error:
        raise BadInput(error.field, error.value, str(error)) from error
    return tuple(found)
