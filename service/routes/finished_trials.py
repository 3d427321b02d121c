"""A study's trials as a table, and finished ones taken in from it: a study that is begun again in
an empty home runs only what is missing.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from db.finished import table_rows, take_in
from mixtures.finished_trials import read_finished, trials_table
from mixtures.value import InvalidField, Value
from service.body import text_of_body
from service.change import Change, CreationDep
from service.errors import BadInput
from service.media_type import CSV, require_media_type
from service.routes.studies import stored_study
from service.scopes import READ, SUBMIT
from service.state import Controller, ControllerDep
from service.trial_batch import require_within_budget

router = APIRouter(prefix="/v1/studies/{study_id}", tags=["trials"], dependencies=[READ])

_CSV_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "trial_id,state,seed,sft_share\n"}
        },
    }
}


class TakenIn(Value):
    """How many rows are of trials that have ended, and how many of them had not ended here."""

    num_finished: int
    num_new: int


@router.get(
    "/trials.csv",
    operation_id="export_trials",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def export_trials(study_id: str, controller: ControllerDep) -> Response:
    """Every trial with its state, mixture, all scores and tokens, to be taken in elsewhere."""
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        rows = table_rows(session, study_id)
    return Response(
        trials_table(study.spec, rows),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{study.spec.name}-trials.csv"'},
    )


@router.post(
    "/finished-trials",
    dependencies=[SUBMIT],
    operation_id="take_in_trials",
    openapi_extra=_CSV_BODY,
)
async def take_in_trials(
    study_id: str,
    request: Request,
    controller: ControllerDep,
    change: CreationDep,
    first_line: Annotated[
        int, Query(ge=2, le=10**9, description="of the first row, in a part of a longer table")
    ] = 2,
) -> TakenIn:
    """Trials of such a table that have ended, all or none; 409 where one has other scores here."""
    require_media_type(request, CSV)
    raw = await request.body()
    return await run_in_threadpool(_take_in, controller, change, study_id, raw, first_line)


def _take_in(
    controller: Controller, change: Change, study_id: str, raw: bytes, first_line: int
) -> TakenIn:
    study = stored_study(controller, study_id)
    hashes = study.data_report["data_hashes"]
    try:
        text = text_of_body(raw, "utf-8-sig")
        finished = read_finished(text, study.spec, study_id, hashes, first_line)
    except InvalidField as error:
        raise BadInput(error.field, error.value, str(error)) from error
    with change.write() as session:
        num_new = sum(take_in(session, one) for one in finished)
        session.flush()
        require_within_budget(session, study, "extend it")
        taken = change.answer(session, TakenIn(num_finished=len(finished), num_new=num_new))
    controller.searcher.add(study)
    controller.scheduler.wake()
    return taken
