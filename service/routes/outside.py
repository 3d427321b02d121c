"""Ask and tell: trials for a team that trains on its own cluster, and scores back from it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import Field

from db import leases
from db.leases import Lease, LeaseConflict
from db.studies import StoredStudy
from db.trials import StoredTrial, get_trial
from mixtures.factors import Level
from mixtures.told import Ask, Told, require_scores_fit
from mixtures.trial import TrialState
from mixtures.value import InvalidField, Value, added
from service.change import ChangeDep, CreationDep
from service.errors import BadInput
from service.import_trials import Imported, import_trials
from service.media_type import CSV, require_media_type
from service.routes.studies import outside_study
from service.scopes import READ, SUBMIT
from service.state import Controller, ControllerDep

router = APIRouter(prefix="/v1", tags=["outside trainers"], dependencies=[READ])

_CSV_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "seed,web,sums,score:gsm8k\n0,0.36,0.64,1.482\n",
            }
        },
    }
}


class AskedTrial(Value):
    """One trial to train: decay on `shares` for `decay_tokens`, seeded by `seed`, then tell."""

    trial_id: str
    attempt: int = Field(description="give it back when you tell or renew")
    shares: dict[str, float]
    sft_share: float
    seed: int
    decay_tokens: int
    leased_until: datetime
    factors: dict[str, Level] = added({}, description="levels of the study's factors")
    data_seed: int | None = added(
        None,
        description="draw your subset of each source by it, where a study has data_seeds; else 0",
    )


class Asked(Value):
    """The trials, and where they are fewer than asked for, why."""

    trials: tuple[AskedTrial, ...]
    why_fewer: str | None


class Renewal(Value):
    """A lease's new end, from now."""

    attempt: int = Field(ge=1)
    lease_seconds: float = Field(default=3600.0, ge=1, le=30 * 24 * 3600)


class Renewed(Value):
    """`cancel_requested`: a user does not want the trial any more, so stop it and let it be."""

    leased_until: datetime
    cancel_requested: bool


@router.post("/studies/{study_id}/ask", dependencies=[SUBMIT], operation_id="ask_trials")
def ask(
    study_id: str,
    wanted: Ask,
    controller: ControllerDep,
    change: ChangeDep,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, description="stands for the body's `key`"),
    ] = None,
) -> Asked:
    """Trials to train, each leased for a time; the same `key` again gives the same trials.

    422 for a study that our own workers train.
    """
    study = _outside_study(controller, study_id)
    wanted = _keyed(wanted, idempotency_key)
    with change.write() as session:
        ended = leases.expire(session, controller.settings.max_attempts)
        given = leases.asked_before(session, study_id, wanted)
        is_new = not given
        if is_new:
            given = leases.ask(session, study_id, wanted, wanted.num)
    few = None
    if is_new and len(given) < wanted.num:
        few = controller.searcher.ask(study, wanted.num - len(given))
        with controller.database.write() as session:
            given += leases.ask(session, study_id, wanted, wanted.num - len(given))
    for spec, attempt, state in ended:
        controller.scheduler.announce(spec, state, attempt)
    for lease in given if is_new else ():
        controller.scheduler.announce(lease.spec, TrialState.RUNNING, lease.attempt)
    if len(given) < wanted.num and few is None:
        few = "others took what waited" if is_new else "the key was given so many before"
    return Asked(trials=tuple(_asked(lease) for lease in given), why_fewer=few)


@router.post("/trials/{trial_id}/renew", dependencies=[SUBMIT], operation_id="renew_lease")
def renew(trial_id: str, renewal: Renewal, controller: ControllerDep, change: ChangeDep) -> Renewed:
    """Keep a trial for longer; 409 when it has gone to somebody else or has ended."""
    with change.write() as session:
        lease = leases.renew(session, trial_id, renewal.attempt, renewal.lease_seconds)
        stored = get_trial(session, trial_id)
    return Renewed(
        leased_until=lease.leased_until.replace(tzinfo=UTC),
        cancel_requested=stored.cancel_requested,
    )


@router.post("/trials/{trial_id}/tell", dependencies=[SUBMIT], operation_id="tell_trial")
def tell(trial_id: str, told: Told, controller: ControllerDep, change: ChangeDep) -> StoredTrial:
    """Scores of a trial, or why there are none. Twice the same is once; 409 for other content.

    A lease that ended is forgiven while nobody else has the trial. After that 409, and what was
    told is kept with its attempt for audit.
    """
    with controller.database.read() as session:
        stored = get_trial(session, trial_id)
    study = _outside_study(controller, stored.study_id)
    if told.scores:
        try:
            require_scores_fit(study.spec, told.scores)
        except InvalidField as error:
            raise BadInput(error.field, error.value, str(error)) from error
    try:
        with change.write() as session:
            state = leases.tell(session, trial_id, told, controller.settings.max_attempts)
            stored = get_trial(session, trial_id)
    except LeaseConflict:
        with controller.database.write() as session:
            leases.keep_late(session, trial_id, told)
        raise
    controller.scheduler.announce(stored.spec, state, told.attempt)
    controller.scheduler.wake()
    return stored


@router.post(
    "/studies/{study_id}/import",
    dependencies=[SUBMIT],
    operation_id="import_trials",
    openapi_extra=_CSV_BODY,
)
async def import_csv(
    study_id: str, request: Request, controller: ControllerDep, change: CreationDep
) -> Imported:
    """Trials that were trained before, as CSV: all rows or none; the same rows twice are once.

    A column for each source (its share; `share:NAME` where a benchmark has the same name), one
    `score:BENCHMARK` or `score:BENCHMARK:METRIC` each, and `seed` if you like. 409 where a row is
    told otherwise already.
    """
    require_media_type(request, CSV)
    raw = await request.body()
    return await import_trials(controller, change, study_id, raw)


def _keyed(wanted: Ask, header: str | None) -> Ask:
    """The wish under the header's key, which must not contradict the body's."""
    if header is None or wanted.key == header:
        return wanted
    if wanted.key is not None:
        raise BadInput("key", wanted.key, "the Idempotency-Key says otherwise; give one of them")
    return Ask.model_validate({**wanted.model_dump(), "key": header})


def _outside_study(controller: Controller, study_id: str) -> StoredStudy:
    return outside_study(controller, study_id, "one with trained_by: outside is asked and told")


def _asked(lease: Lease) -> AskedTrial:
    return AskedTrial(
        trial_id=lease.spec.trial_id,
        attempt=lease.attempt,
        shares=lease.spec.mixture.shares,
        sft_share=lease.spec.sft_share,
        seed=lease.spec.seed,
        decay_tokens=lease.spec.decay.tokens,
        leased_until=lease.leased_until.replace(tzinfo=UTC),
        factors=lease.spec.factors,
        data_seed=lease.spec.data_seed,
    )
