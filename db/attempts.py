"""Queries of the attempt table for those who look: every try at a trial, how and when it ended."""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import AttemptRow, TrialRow
from mixtures.trial import FailureKind, TrialFailure, TrialSpec, TrialState
from mixtures.value import Value


class Attempt(Value):
    """One try. `outcome` is a trial's state, LOST with its worker, STOPPED with a controller that
    ended in good order, or LATE: told when it counted no more. `worker` and `leased_until` are of
    outside trainers; `kind` and `message` say why there was no result."""

    number: int
    outcome: str
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    worker: str | None
    leased_until: datetime | None
    has_late_result: bool
    kind: FailureKind | None = None
    message: str | None = None


class EndedAttempt(Value):
    """An attempt that gave no result, with its trial: what went wrong on the cluster."""

    trial_id: str
    study_id: str
    number: int
    outcome: str
    finished_at: datetime


def list_attempts(session: Session, trial_id: str) -> list[Attempt]:
    """Of one trial, the first first."""
    rows = session.scalars(
        select(AttemptRow).where(AttemptRow.trial_id == trial_id).order_by(AttemptRow.number)
    ).all()
    why = {row.number: TrialFailure.model_validate_json(row.failure) for row in rows if row.failure}
    return [
        Attempt(
            number=row.number,
            outcome=row.outcome,
            started_at=row.started_at.replace(tzinfo=UTC),
            finished_at=row.finished_at and row.finished_at.replace(tzinfo=UTC),
            seconds=(row.finished_at - row.started_at).total_seconds() if row.finished_at else None,
            worker=row.worker,
            leased_until=row.leased_until and row.leased_until.replace(tzinfo=UTC),
            has_late_result=row.late_result is not None,
            kind=why[row.number].kind if row.number in why else None,
            message=why[row.number].message if row.number in why else None,
        )
        for row in rows
    ]


def last_failures(session: Session, num: int) -> list[EndedAttempt]:
    """The last attempts of all studies that FAILED or were LOST, the newest first."""
    rows = session.execute(
        select(
            AttemptRow.trial_id,
            TrialRow.study_id,
            AttemptRow.number,
            AttemptRow.outcome,
            AttemptRow.finished_at,
        )
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .where(AttemptRow.outcome.in_(("FAILED", "LOST")), AttemptRow.finished_at.is_not(None))
        .order_by(AttemptRow.finished_at.desc())
        .limit(num)
    )
    return [
        EndedAttempt(
            trial_id=trial_id,
            study_id=study_id,
            number=number,
            outcome=outcome,
            finished_at=finished_at.replace(tzinfo=UTC),
        )
        for trial_id, study_id, number, outcome, finished_at in rows
        if finished_at is not None
    ]


def abandoned(session: Session, alive: Collection[str]) -> list[tuple[TrialSpec, int]]:
    """Spec and attempt of each RUNNING trial of our own workers that is not among those alive."""
    rows = session.execute(
        select(TrialRow.attempt, TrialRow.spec).where(
            TrialRow.state == TrialState.RUNNING,
            TrialRow.trained_by.is_(None),
            TrialRow.id.not_in(list(alive)),
        )
    )
    return [(TrialSpec.model_validate_json(spec), attempt) for attempt, spec in rows]
