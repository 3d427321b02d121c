"""Queries of the trial and attempt tables. States change only here, and only legally."""

import json
from collections.abc import Collection, Sequence

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db.database import now
from db.scores import insert_scores
from db.stored_trial import StoredTrial as StoredTrial
from db.stored_trial import stored_trial
from db.tables import AttemptRow, TrialRow
from mixtures.retries import Retries
from mixtures.trial import PROMOTIONS, TrialFailure, TrialResult, TrialSpec, TrialState
from mixtures.value import canonical_json

_BY_DEFAULT = Retries()
# How an attempt ended that gave no result; the rest FAILED.
_OUTCOMES = {"lost": "LOST", "cancelled": "CANCELLED", "stopped": "STOPPED"}


class UnknownTrial(LookupError):
    """No trial of that id."""


class IllegalPromotion(ValueError):
    """The trial's state does not allow what was asked."""


def insert_trials(
    session: Session, specs: Sequence[TrialSpec], chosen_by: str | None = None
) -> int:
    """Add those that are not there yet as WAITING; returns how many were new."""
    wanted = {spec.trial_id: spec for spec in specs}
    known = known_trials(session, wanted)
    position = session.scalar(select(func.max(TrialRow.position)))
    position = 0 if position is None else position + 1
    new = [spec for trial_id, spec in wanted.items() if trial_id not in known]
    for offset, spec in enumerate(new):
        session.add(
            TrialRow(
                id=spec.trial_id,
                study_id=spec.study_id,
                spec=spec.canonical(),
                sft_share=spec.sft_share,
                seed=spec.seed,
                state=TrialState.WAITING,
                position=position + offset,
                attempt=0,
                cancel_requested=False,
                created_at=now(),
                chosen_by=chosen_by,
                trained_by=None if spec.recipe.trained_by == "workers" else "outside",
                shares=canonical_json(spec.mixture.shares),
            )
        )
    return len(new)


def known_trials(session: Session, trial_ids: Collection[str]) -> set[str]:
    """Those of these ids that are there."""
    return set(session.scalars(select(TrialRow.id).where(TrialRow.id.in_(trial_ids))))


def get_trial(session: Session, trial_id: str) -> StoredTrial:
    """Raises UnknownTrial."""
    return stored_trial(_row(session, trial_id))


def standing(session: Session, trial_id: str) -> tuple[TrialState, int]:
    """State and newest attempt of one trial, without reading all that is kept of it; raises
    UnknownTrial.
    """
    state, attempt, _ = _standing_of_study(session, trial_id)
    return state, attempt


def _standing_of_study(session: Session, trial_id: str) -> tuple[TrialState, int, str]:
    session.flush()
    columns = (TrialRow.state, TrialRow.attempt, TrialRow.study_id)
    row = session.execute(select(*columns).where(TrialRow.id == trial_id)).one_or_none()
    if row is None:
        raise UnknownTrial(trial_id)
    return TrialState(row.state), row.attempt, row.study_id


def list_trials(
    session: Session, study_id: str, states: Sequence[TrialState] = tuple(TrialState)
) -> list[StoredTrial]:
    """The trials of a study in these states, in the order in which they are claimed."""
    query = (
        select(TrialRow)
        .where(TrialRow.study_id == study_id, TrialRow.state.in_(states))
        .order_by(TrialRow.position)
    )
    return [stored_trial(row) for row in session.scalars(query)]


def last_complete(session: Session, study_id: str, num: int) -> list[StoredTrial]:
    """The trials of a study that were completed last, newest first."""
    query = (
        select(TrialRow)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
        .order_by(TrialRow.finished_at.desc(), TrialRow.position)
        .limit(num)
    )
    return [stored_trial(row) for row in session.scalars(query)]


def claim(session: Session, trial_id: str) -> int | None:
    """WAITING becomes RUNNING; returns the attempt's number, None where it waits no more."""
    # No RETURNING: DuckDB then deletes the row and writes it anew, spec and index with it, which
    # takes six times as long. Nobody comes between: there is one writer.
    query = select(TrialRow.attempt).where(TrialRow.id == trial_id)
    attempt = session.scalar(query.where(TrialRow.state == TrialState.WAITING))
    if attempt is None:
        return None
    session.execute(
        update(TrialRow)
        .where(TrialRow.id == trial_id)
        .values(
            state=TrialState.RUNNING,
            attempt=attempt + 1,
            cancel_requested=False,
            started_at=now(),
            finished_at=None,
        )
    )
    row = {"trial_id": trial_id, "number": attempt + 1, "outcome": "RUNNING", "started_at": now()}
    session.execute(insert(AttemptRow), [row])
    return attempt + 1


def record_result(session: Session, result: TrialResult) -> bool:
    """RUNNING becomes COMPLETE with its scores, in one transaction.

    A result of an attempt that is no longer the running one is kept with its attempt and changes
    nothing else; then False is returned.
    """
    # Plain statements, by key and without RETURNING (see `claim`): this is done for every trial.
    state, attempt, study_id = _standing_of_study(session, result.trial_id)
    if (state, attempt) != (TrialState.RUNNING, result.attempt):
        _close_attempt(session, result.trial_id, result.attempt, "LATE", result.canonical())
        return False
    session.execute(
        update(TrialRow)
        .where(TrialRow.id == result.trial_id)
        .values(
            state=TrialState.COMPLETE, finished_at=now(), result=result.canonical(), failure=None
        )
    )
    insert_scores(session, study_id, result.trial_id, result.scores)
    session.execute(
        update(AttemptRow)
        .where(AttemptRow.trial_id == result.trial_id, AttemptRow.number == result.attempt)
        .values(outcome=TrialState.COMPLETE, finished_at=now())
    )
    return True


def record_failure(session: Session, failure: TrialFailure, retries: Retries = _BY_DEFAULT) -> bool:
    """RUNNING goes back to WAITING while `retries` allows it, and becomes FAILED else; CANCELLED
    where the user asked for it. False if it came late.
    """
    row = _row(session, failure.trial_id)
    trial_id, attempt, kind = failure.trial_id, failure.attempt, failure.kind
    if row.attempt != attempt or row.state != TrialState.RUNNING:
        _close_attempt(session, trial_id, attempt, "LATE", failure=failure)
        return False
    state = TrialState.CANCELLED
    if kind == "stopped" and not row.cancel_requested:
        state = TrialState.WAITING
    elif kind not in ("stopped", "cancelled"):
        counts = json.loads(row.failed or "{}")
        counts[kind] = counts.get(kind, 0) + 1
        row.failed = canonical_json(counts)
        may_go_on = retries.allows(kind, counts[kind])
        if not row.cancel_requested:
            state = TrialState.WAITING if may_go_on else TrialState.FAILED
        if counts[kind] > 1:
            message = f"{kind} {counts[kind]} times; last: {failure.message}"
            failure = failure.model_copy(update={"message": message})
    _promote(row, state)
    if state.is_finished:
        row.finished_at, row.failure = now(), failure.canonical()
    _close_attempt(session, trial_id, attempt, _OUTCOMES.get(kind, "FAILED"), failure=failure)
    return True


def record_lost(
    session: Session, trial_id: str, attempt: int, reason: str, retries: Retries = _BY_DEFAULT
) -> TrialState:
    """The attempt's worker or trainer is gone: back to WAITING, or FAILED after too many."""
    row = _row(session, trial_id)
    if row.attempt == attempt and row.state == TrialState.RUNNING:
        record_failure(session, _lost(trial_id, attempt, reason), retries)
    return TrialState(row.state)


def resume(session: Session, trial_id: str) -> None:
    """WAITING becomes RUNNING again as the attempt that was lost last, which has turned up."""
    row = _row(session, trial_id)
    _promote(row, TrialState.RUNNING)
    attempt = session.get(AttemptRow, (trial_id, row.attempt))
    assert attempt is not None
    attempt.outcome, attempt.finished_at = "RUNNING", None


def recover_running(session: Session) -> list[str]:
    """At the start of a controller: no trial of an earlier one can still be running.

    Being lost with the controller says nothing against the trial, so it is not counted. Outside
    trainers go on meanwhile: their leases end by themselves.
    """
    query = select(TrialRow).where(
        TrialRow.state == TrialState.RUNNING, TrialRow.trained_by.is_(None)
    )
    rows = session.scalars(query).all()
    for row in rows:
        lost = _lost(row.id, row.attempt, "its controller ended")
        _close_attempt(session, row.id, row.attempt, "LOST", failure=lost)
        _promote(row, TrialState.CANCELLED if row.cancel_requested else TrialState.WAITING)
        row.finished_at = now() if row.cancel_requested else None
    return [row.id for row in rows]


def cancel(session: Session, trial_id: str) -> StoredTrial:
    """WAITING is cancelled at once; RUNNING is marked, and its worker stops at its next step.

    Raises UnknownTrial; IllegalPromotion where the trial has finished.
    """
    row = _row(session, trial_id)
    if row.state == TrialState.RUNNING:
        row.cancel_requested = True
    else:
        _promote(row, TrialState.CANCELLED)
        row.finished_at = now()
    return stored_trial(row)


def retry(session: Session, trial_id: str) -> StoredTrial:
    """FAILED or CANCELLED goes back to WAITING; raises UnknownTrial, IllegalPromotion."""
    row = _row(session, trial_id)
    if row.state not in (TrialState.FAILED, TrialState.CANCELLED):
        raise IllegalPromotion(
            f"trial {trial_id} is {row.state}; only FAILED and CANCELLED trials can be retried"
        )
    _promote(row, TrialState.WAITING)
    row.failed, row.cancel_requested = None, False
    row.failure, row.finished_at = None, None
    return stored_trial(row)


def _row(session: Session, trial_id: str) -> TrialRow:
    row = session.get(TrialRow, trial_id)
    if row is None:
        raise UnknownTrial(trial_id)
    return row


def _promote(row: TrialRow, state: TrialState) -> None:
    if state not in PROMOTIONS[TrialState(row.state)]:
        raise IllegalPromotion(f"trial {row.id} is {row.state} and cannot become {state}")
    row.state = state


def _lost(trial_id: str, attempt: int, reason: str) -> TrialFailure:
    return TrialFailure(
        trial_id=trial_id, attempt=attempt, kind="lost", message=reason, traceback=""
    )


def _close_attempt(
    session: Session,
    trial_id: str,
    number: int,
    outcome: str,
    late_result: str | None = None,
    failure: TrialFailure | None = None,
) -> None:
    attempt = session.get(AttemptRow, (trial_id, number))
    if attempt is None:
        raise UnknownTrial(f"{trial_id} attempt {number}")
    # A LOST attempt whose result comes after all keeps its end; only the result is added.
    if attempt.outcome == "RUNNING":
        attempt.outcome, attempt.finished_at = outcome, now()
    if late_result is not None:
        attempt.late_result = late_result
    if failure is not None and attempt.failure is None:
        attempt.failure = failure.canonical()
