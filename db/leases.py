"""Attempts of outside trainers: handed out for a time, renewed, told, taken back.

A lease is an attempt, with a worker's name and an end. States change through `db.trials`, so what
holds of our own workers holds here: a lease that ends gives the trial back, three of them fail it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import trials
from db.database import now
from db.labels import is_paused
from db.tables import AttemptRow, TrialRow
from mixtures.retries import Retries
from mixtures.told import Ask, Told, result_of
from mixtures.trial import Score, TrialFailure, TrialSpec, TrialState
from mixtures.value import Value

_BY_DEFAULT = Retries()


class LeaseConflict(ValueError):
    """The lease is not the worker's any more, or something else was told before."""


class Lease(Value):
    """One trial in the hands of an outside trainer, until `leased_until` (UTC)."""

    spec: TrialSpec
    attempt: int
    worker: str
    leased_until: datetime


def asked_before(session: Session, study_id: str, wanted: Ask) -> list[Lease]:
    """What the same key was given before, as it stands now; empty for a new key or none.

    Raises LeaseConflict where another worker used the key.
    """
    if wanted.key is None:
        return []
    rows = session.scalars(
        select(AttemptRow)
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .where(TrialRow.study_id == study_id, AttemptRow.ask_key == wanted.key)
        .order_by(TrialRow.position)
    ).all()
    for row in rows:
        if row.worker != wanted.worker:
            raise LeaseConflict(
                f"the key {wanted.key!r} was used by worker {row.worker!r}; take a new one for "
                "each wish"
            )
    return [_as_lease(session, row) for row in rows]


def ask(session: Session, study_id: str, wanted: Ask, num: int) -> list[Lease]:
    """Up to `num` waiting trials of the study, now RUNNING for the worker of the wish; none of one
    that is paused.
    """
    if is_paused(session, study_id):
        return []
    waiting = session.scalars(
        select(TrialRow.id)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.WAITING)
        .order_by(TrialRow.position)
        .limit(num)
    ).all()
    return [_lease(session, trial_id, wanted) for trial_id in waiting]


def renew(session: Session, trial_id: str, attempt: int, seconds: float) -> Lease:
    """The lease with a new end; one that has ended meanwhile is given again while nobody else has
    the trial. Raises UnknownTrial, LeaseConflict.
    """
    row = _holding(session, trial_id, attempt)
    row.leased_until = now() + timedelta(seconds=seconds)
    return _as_lease(session, row)


def tell(session: Session, trial_id: str, told: Told, retries: Retries = _BY_DEFAULT) -> TrialState:
    """COMPLETE with its scores, or FAILED with its reason, unless `retries` let it wait again; the
    same told twice is one.

    A lease that has ended is forgiven while nobody else has the trial. Otherwise what came late is
    kept with the attempt. Raises UnknownTrial; LeaseConflict where something else was told before
    or the trial is in other hands: then nothing is to be undone.
    """
    attempt = _attempt(session, trial_id, told.attempt)
    if attempt.told is not None:
        if attempt.told != told.canonical():
            raise LeaseConflict(
                f"trial {trial_id} attempt {told.attempt} was told before, with other content; "
                "what was told first stands"
            )
        return trials.standing(session, trial_id)[0]
    row = _holding(session, trial_id, told.attempt)
    row.told = told.canonical()
    if told.failure is not None:
        trials.record_failure(
            session,
            TrialFailure(
                trial_id=trial_id,
                attempt=told.attempt,
                kind="error",
                message=told.failure.splitlines()[0],
                traceback=told.failure,
            ),
            retries,
        )
    else:
        spec = trials.get_trial(session, trial_id).spec
        seconds = (now() - row.started_at).total_seconds()
        result = result_of(spec, told.attempt, told.scores, seconds, row.worker or "")
        trials.record_result(session, result)
    return trials.standing(session, trial_id)[0]


def keep_late(session: Session, trial_id: str, told: Told) -> None:
    """What an attempt told after its trial had gone to somebody else, for audit alone."""
    attempt = _attempt(session, trial_id, told.attempt)
    if attempt.told is None:
        attempt.late_result = told.canonical()


def any_overdue(session: Session) -> bool:
    """Whether a lease has ended that nobody has taken back yet."""
    return bool(_overdue(session))


def expire(
    session: Session, retries: Retries = _BY_DEFAULT
) -> list[tuple[TrialSpec, int, TrialState]]:
    """Take back every trial whose lease has ended; (spec, attempt, state) of each."""
    found = []
    for attempt in _overdue(session):
        reason = f"the lease of {attempt.worker} ended"
        state = trials.record_lost(session, attempt.trial_id, attempt.number, reason, retries)
        stored = trials.get_trial(session, attempt.trial_id)
        found.append((stored.spec, attempt.number, state))
    return found


def _lease(session: Session, trial_id: str, wanted: Ask) -> Lease:
    number = trials.claim(session, trial_id)
    assert number is not None, "the trial was waiting in this very transaction"
    session.flush()
    row = session.get_one(AttemptRow, (trial_id, number))
    row.worker, row.ask_key = wanted.worker, wanted.key
    row.leased_until = now() + timedelta(seconds=wanted.lease_seconds)
    return _as_lease(session, row)


def _overdue(session: Session) -> Sequence[AttemptRow]:
    return session.scalars(
        select(AttemptRow)
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .where(
            TrialRow.state == TrialState.RUNNING,
            TrialRow.attempt == AttemptRow.number,
            AttemptRow.leased_until < now(),
        )
    ).all()


def _holding(session: Session, trial_id: str, number: int) -> AttemptRow:
    """The attempt, RUNNING: as it is, or again where nobody has taken its trial meanwhile."""
    row = _attempt(session, trial_id, number)
    state, newest = trials.standing(session, trial_id)
    if newest == number and state is TrialState.WAITING:
        trials.resume(session, trial_id)
        return row
    if newest != number or state is not TrialState.RUNNING:
        where = f"is {state.value}"
        if newest != number:
            where += f", with attempt {newest}"
        raise LeaseConflict(
            f"the lease of trial {trial_id} attempt {number} has ended, and the trial {where}"
        )
    return row


def _attempt(session: Session, trial_id: str, number: int) -> AttemptRow:
    trials.standing(session, trial_id)
    row = session.get(AttemptRow, (trial_id, number))
    if row is None or row.leased_until is None:
        raise LeaseConflict(
            f"trial {trial_id} was never given out as attempt {number}; ask gives the number"
        )
    return row


def _as_lease(session: Session, row: AttemptRow) -> Lease:
    assert row.leased_until is not None
    return Lease(
        spec=trials.get_trial(session, row.trial_id).spec,
        attempt=row.number,
        worker=row.worker or "",
        leased_until=row.leased_until,
    )


def record_imported(session: Session, trial_id: str, scores: Sequence[Score], line: int) -> bool:
    """A trial that was trained before, COMPLETE with these scores; False where it was so already.

    Raises LeaseConflict where it has other scores or is in somebody's hands.
    """
    stored = trials.get_trial(session, trial_id)
    if stored.result is not None:
        if sorted(stored.result.scores, key=_key) != sorted(scores, key=_key):
            raise LeaseConflict(
                f"line {line}: trial {trial_id} has other scores already; what was told first "
                "stands"
            )
        return False
    number = trials.claim(session, trial_id)
    if number is None:
        raise LeaseConflict(
            f"line {line}: trial {trial_id} is {stored.state.value}; only one that waits, or is "
            "not there yet, can be imported"
        )
    session.flush()
    result = result_of(stored.spec, number, scores, 0.0, "import")
    return trials.record_result(session, result)


def _key(score: Score) -> tuple[str, str]:
    return score.benchmark, score.metric
