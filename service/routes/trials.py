"""Trials: ask for more of them, list them, look at one, cancel and retry."""

from fastapi import APIRouter, Depends, Request, status

from db import trials
from db.found_sizes import available_tokens
from db.studies import count_states
from db.trials import StoredTrial
from mixtures.design import trials_of_request
from mixtures.repetition import Epochs, epochs_of
from mixtures.trial import TrialRequest, TrialState
from mixtures.value import InvalidField, Value
from service.body import TRIALS_BODY_DOCS, read_one_or_many
from service.errors import BadInput
from service.routes.studies import stored_study
from service.state import ControllerDep

router = APIRouter(prefix="/v1", tags=["trials"])


class TrialSummary(Value):
    """One line of the list of trials. `objective` is there once the trial is COMPLETE.

    `epochs` says how often each source is read, by the proxy and in the full run; it is empty until
    a first trial has counted the sources' tokens. `chosen_by` says how a search chose the trial.
    """

    id: str
    state: TrialState
    sft_share: float
    shares: dict[str, float]
    seed: int
    attempt: int
    objective: float | None
    scores: dict[str, float]
    message: str | None
    epochs: dict[str, Epochs]
    chosen_by: str | None


class Submitted(Value):
    """The trials asked for, and how many of them were not there before."""

    trial_ids: tuple[str, ...]
    num_new: int


async def _requests_in_body(request: Request) -> list[TrialRequest]:
    return await read_one_or_many(request, TrialRequest)


@router.post(
    "/studies/{study_id}/trials",
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
        num_trials = sum(count_states(session, study_id).values())
        if num_trials > study.spec.budget.max_trials:
            # Raised inside the transaction, so that nothing of it stays.
            raise BadInput(
                "budget.max_trials",
                study.spec.budget.max_trials,
                f"the study would have {num_trials} trials; ask for fewer",
            )
    controller.scheduler.wake()
    return Submitted(trial_ids=tuple(dict.fromkeys(s.trial_id for s in specs)), num_new=num_new)


@router.get("/studies/{study_id}/trials", operation_id="list_trials")
def list_trials(study_id: str, controller: ControllerDep) -> list[TrialSummary]:
    """All trials of a study, in the order in which they are claimed."""
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        stored = trials.list_trials(session, study_id)
        available = available_tokens(session, study_id)
    summaries = []
    for trial in stored:
        metric = study.spec.objective.metric
        found = trial.result.scores if trial.result else ()
        scores = {score.benchmark: score.value for score in found if score.metric == metric}
        summaries.append(
            TrialSummary(
                id=trial.id,
                state=trial.state,
                sft_share=trial.spec.sft_share,
                shares=trial.spec.mixture.shares,
                seed=trial.spec.seed,
                attempt=trial.attempt,
                objective=study.spec.objective.value(scores) if scores else None,
                scores=scores,
                message=trial.failure.message if trial.failure else None,
                epochs=epochs_of(
                    trial.spec.mixture.shares, trial.spec.decay, trial.spec.full_run, available
                ),
                chosen_by=trial.chosen_by,
            )
        )
    return summaries


@router.get("/trials/{trial_id}", operation_id="get_trial")
def trial(trial_id: str, controller: ControllerDep) -> StoredTrial:
    """One trial: spec, state, scores, learning curve, failure with its traceback."""
    with controller.database.read() as session:
        return trials.get_trial(session, trial_id)


@router.post("/trials/{trial_id}/cancel", operation_id="cancel_trial", status_code=202)
def cancel(trial_id: str, controller: ControllerDep) -> StoredTrial:
    """WAITING becomes CANCELLED at once, RUNNING within a step or two; 409 when finished."""
    with controller.database.write() as session:
        stored = trials.cancel(session, trial_id)
    if stored.state is TrialState.RUNNING:
        controller.scheduler.cancel(trial_id)
    return stored


@router.post("/trials/{trial_id}/retry", operation_id="retry_trial", status_code=202)
def retry(trial_id: str, controller: ControllerDep) -> StoredTrial:
    """FAILED or CANCELLED goes back to WAITING; 409 from any other state."""
    with controller.database.write() as session:
        stored = trials.retry(session, trial_id)
    controller.scheduler.wake()
    return stored
