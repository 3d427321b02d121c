"""Trials: ask for more of them, look at one, cancel, retry and repeat it, write on it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response, status

from db import trials
from db.labels import change_trial
from db.studies import StoredStudy, get_study
from db.trial_pages import next_seed
from db.trials import StoredTrial
from mixtures.labels import TrialChange
from mixtures.trial import TrialRequest, TrialState
from mixtures.value import Seed, Value
from service.body import TRIALS_BODY_DOCS, OneOrMany, read_one_or_many
from service.change import ChangeDep, CreationDep
from service.etags import IfMatch, require_match, tag_of
from service.routes.studies import stored_study
from service.scopes import READ, SUBMIT
from service.state import ControllerDep
from service.trial_batch import (
    Submitted,
    require_within_budget,
    submit_all,
    submit_each,
    wishes,
)

# When to look again at work that has begun: no decay ends sooner.
_SOON = 5

router = APIRouter(prefix="/v1", tags=["trials"], dependencies=[READ])


class Repeat(Value):
    """With which seed; the smallest that the mixture was not run with, when not given."""

    seed: Seed | None = None


async def _wishes_in_body(request: Request) -> OneOrMany[TrialRequest]:
    return await read_one_or_many(request, TrialRequest)


@router.post(
    "/studies/{study_id}/trials",
    dependencies=[SUBMIT],
    operation_id="submit_trials",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=TRIALS_BODY_DOCS,
)
def submit_trials(
    study_id: str,
    controller: ControllerDep,
    change: CreationDep,
    body: OneOrMany[TrialRequest] = Depends(_wishes_in_body),
    all_or_none: Annotated[
        bool, Query(description="false: each by itself, and `results` says what came of it")
    ] = True,
) -> Submitted:
    """Add trials to a study: one or many, all or none or each by itself. Idempotent by content."""
    study = stored_study(controller, study_id)
    given = wishes(study, body.items, body.is_list)
    with change.write() as session:
        submitted = (submit_all if all_or_none else submit_each)(session, study, given)
        change.answer(session, submitted, location=_where(study, submitted), retry_after=_SOON)
    controller.scheduler.wake()
    return submitted


@router.get("/trials/{trial_id}", operation_id="get_trial")
def trial(trial_id: str, response: Response, controller: ControllerDep) -> StoredTrial:
    """One trial: spec, state, scores, learning curve, failure with its traceback."""
    with controller.database.read() as session:
        stored = trials.get_trial(session, trial_id)
    response.headers["ETag"] = trial_tag(stored)
    return stored


@router.post(
    "/trials/{trial_id}/cancel", dependencies=[SUBMIT], operation_id="cancel_trial", status_code=202
)
def cancel(trial_id: str, controller: ControllerDep, change: CreationDep) -> StoredTrial:
    """WAITING becomes CANCELLED at once, RUNNING within a step or two; 409 when finished."""
    with change.write() as session:
        stored = change.answer(session, trials.cancel(session, trial_id), location=_place(trial_id))
    if stored.state is TrialState.RUNNING:
        controller.scheduler.cancel(trial_id)
    return stored


@router.post(
    "/trials/{trial_id}/retry", dependencies=[SUBMIT], operation_id="retry_trial", status_code=202
)
def retry(trial_id: str, controller: ControllerDep, change: CreationDep) -> StoredTrial:
    """FAILED or CANCELLED goes back to WAITING; 409 from any other state."""
    with change.write() as session:
        stored = change.answer(
            session,
            trials.retry(session, trial_id),
            location=_place(trial_id),
            retry_after=_SOON,
        )
    controller.scheduler.wake()
    return stored


@router.post(
    "/trials/{trial_id}/repeat", dependencies=[SUBMIT], operation_id="repeat_trial", status_code=202
)
def repeat(
    trial_id: str, controller: ControllerDep, change: CreationDep, wanted: Repeat | None = None
) -> Submitted:
    """The same mixture with another seed, as a new trial; the same seed twice is one trial.

    Without a seed every call is a new trial: give one, or an Idempotency-Key, to be able to repeat
    the call blindly.
    """
    seed = None if wanted is None else wanted.seed
    with change.write() as session:
        stored = trials.get_trial(session, trial_id)
        study = get_study(session, stored.study_id)
        if seed is None:
            seed = next_seed(session, stored.study_id, stored.spec)
        spec = stored.spec.model_copy(update={"seed": seed})
        num_new = trials.insert_trials(session, [spec])
        require_within_budget(session, study)
        submitted = Submitted(trial_ids=(spec.trial_id,), num_new=num_new)
        change.answer(session, submitted, location=_where(study, submitted), retry_after=_SOON)
    controller.scheduler.wake()
    return submitted


@router.patch("/trials/{trial_id}", dependencies=[SUBMIT], operation_id="change_trial")
def patch(
    trial_id: str,
    wanted: TrialChange,
    response: Response,
    controller: ControllerDep,
    change: ChangeDep,
    if_match: IfMatch = None,
) -> StoredTrial:
    """Write the trial's note or tags; what is not given stays, null empties."""
    with change.write() as session:
        seen = trial_tag(trials.get_trial(session, trial_id))
        require_match(if_match, seen, controller.settings.require_if_match)
        stored = change_trial(session, trial_id, wanted)
    response.headers["ETag"] = trial_tag(stored)
    return stored


def trial_tag(stored: StoredTrial) -> str:
    """A trial's spec never changes, and result and failure change with the attempt's end."""
    moments = [stored.started_at, stored.finished_at]
    state = [
        stored.id,
        stored.state,
        stored.attempt,
        stored.cancel_requested,
        *(moment and moment.isoformat() for moment in moments),
    ]
    return tag_of(state, [getattr(stored, name) for name in TrialChange.model_fields])


def _place(trial_id: str) -> str:
    return f"/v1/trials/{trial_id}"


def _where(study: StoredStudy, submitted: Submitted) -> str:
    """Where to look how it goes: at the one trial, or at the study."""
    if len(submitted.trial_ids) == 1:
        return _place(submitted.trial_ids[0])
    return f"/v1/studies/{study.id}"
