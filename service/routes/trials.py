"""Trials: ask for more of them, look at one, cancel, retry and repeat it, write on it."""

from fastapi import APIRouter, Depends, Request, status

from db import trials
from db.database import Session
from db.labels import change_trial
from db.studies import StoredStudy, count_states, get_study
from db.trial_pages import next_seed
from db.trials import StoredTrial
from mixtures.design import trials_of_request
from mixtures.labels import TrialChange
from mixtures.trial import TrialRequest, TrialState
from mixtures.value import InvalidField, Seed, Value
from service.body import TRIALS_BODY_DOCS, read_one_or_many
from service.errors import BadInput
from service.routes.studies import stored_study
from service.scopes import READ, SUBMIT
from service.state import ControllerDep

router = APIRouter(prefix="/v1", tags=["trials"], dependencies=[READ])


class Repeat(Value):
    """With which seed; the smallest that the mixture was not run with, when not given."""

    seed: Seed | None = None


class Submitted(Value):
    """The trials asked for, and how many of them were not there before."""

    trial_ids: tuple[str, ...]
    num_new: int


async def _requests_in_body(request: Request) -> list[TrialRequest]:
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
    requests: list[TrialRequest] = Depends(_requests_in_body),
) -> Submitted:
    """Add trials to a study: one or many, all or none. Idempotent by content."""
    study = stored_study(controller, study_id)
    specs = []
    for index, request in enumerate(requests):
        try:
            specs += trials_of_request(
                request, study.spec, study_id, study.data_report["data_hashes"]
            )
        except InvalidField as error:
            at = f"{index}." if len(requests) > 1 else ""
            raise BadInput(f"{at}{error.field}", error.value, str(error)) from error
    with controller.database.write() as session:
        num_new = trials.insert_trials(session, specs)
        _require_within_budget(session, study)
    controller.scheduler.wake()
    return Submitted(trial_ids=tuple(dict.fromkeys(s.trial_id for s in specs)), num_new=num_new)


@router.get("/trials/{trial_id}", operation_id="get_trial")
def trial(trial_id: str, controller: ControllerDep) -> StoredTrial:
    """One trial: spec, state, scores, learning curve, failure with its traceback."""
    with controller.database.read() as session:
        return trials.get_trial(session, trial_id)


@router.post(
    "/trials/{trial_id}/cancel", dependencies=[SUBMIT], operation_id="cancel_trial", status_code=202
)
def cancel(trial_id: str, controller: ControllerDep) -> StoredTrial:
    """WAITING becomes CANCELLED at once, RUNNING within a step or two; 409 when finished."""
    with controller.database.write() as session:
        stored = trials.cancel(session, trial_id)
    if stored.state is TrialState.RUNNING:
        controller.scheduler.cancel(trial_id)
    return stored


@router.post(
    "/trials/{trial_id}/retry", dependencies=[SUBMIT], operation_id="retry_trial", status_code=202
)
def retry(trial_id: str, controller: ControllerDep) -> StoredTrial:
    """FAILED or CANCELLED goes back to WAITING; 409 from any other state."""
    with controller.database.write() as session:
        stored = trials.retry(session, trial_id)
    controller.scheduler.wake()
    return stored


@router.post(
    "/trials/{trial_id}/repeat", dependencies=[SUBMIT], operation_id="repeat_trial", status_code=202
)
def repeat(trial_id: str, controller: ControllerDep, wanted: Repeat | None = None) -> Submitted:
    """The same mixture with another seed, as a new trial; the same seed twice is one trial.

    Without a seed every call is a new trial: give one to be able to repeat the call blindly.
    """
    seed = None if wanted is None else wanted.seed
    with controller.database.write() as session:
        stored = trials.get_trial(session, trial_id)
        study = get_study(session, stored.study_id)
        if seed is None:
            seed = next_seed(session, stored.study_id, stored.spec)
        spec = stored.spec.model_copy(update={"seed": seed})
        num_new = trials.insert_trials(session, [spec])
        _require_within_budget(session, study)
    controller.scheduler.wake()
    return Submitted(trial_ids=(spec.trial_id,), num_new=num_new)


@router.patch("/trials/{trial_id}", dependencies=[SUBMIT], operation_id="change_trial")
def change(trial_id: str, wanted: TrialChange, controller: ControllerDep) -> StoredTrial:
    """Write the trial's note or tags; what is not given stays, null empties."""
    with controller.database.write() as session:
        return change_trial(session, trial_id, wanted)


def _require_within_budget(session: Session, study: StoredStudy) -> None:
    """Raised inside the transaction, so that nothing of it stays."""
    num_trials = sum(count_states(session, study.id).values())
    most = study.spec.budget.max_trials
    if num_trials > most:
        raise BadInput(
            "budget.max_trials",
            most,
            f"the study would have {num_trials} trials; ask for fewer, or extend the study",
        )
