"""Trials that ended in another home: written as a table's rows, and taken in from them."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from db import trials
from db.tables import AttemptRow, TrialRow
from mixtures.finished_trials import FinishedTrial, TableRow
from mixtures.labels import tags_text
from mixtures.retries import Retries
from mixtures.trial import Score, TrialResult, TrialState

# A trial that is taken in as FAILED has ended, whatever it failed by.
_NO_MORE = Retries(lost=1, out_of_memory=1, timeout=1, disk=1, not_finite=1, error=1)


class OtherScores(ValueError):
    """The trial is here already, with other scores."""


def table_rows(session: Session, study_id: str) -> list[TableRow]:
    """Every trial of a study, in claiming order."""
    return [
        TableRow(
            spec=one.spec,
            state=one.state,
            result=one.result,
            failure=one.failure,
            chosen_by=one.chosen_by,
            started_at=one.started_at,
            finished_at=one.finished_at,
            note=one.note,
            tags=one.tags,
        )
        for one in trials.list_trials(session, study_id)
    ]


def take_in(session: Session, given: FinishedTrial) -> bool:
    """The trial as it ended elsewhere; False where it has ended here too, or runs.

    One that runs is left to its worker, whose result will be the same. Raises OtherScores.
    """
    trial_id = given.spec.trial_id
    trials.insert_trials(session, [given.spec], given.chosen_by)
    session.flush()
    stored = trials.get_trial(session, trial_id)
    if stored.state is TrialState.COMPLETE:
        _require_same_scores(given, stored.result)
        return False
    if stored.state is TrialState.RUNNING or given.state == stored.state:
        return False
    if stored.state.is_finished:
        if given.state != TrialState.COMPLETE:
            return False
        trials.retry(session, trial_id)
    if given.state == TrialState.CANCELLED:
        trials.cancel(session, trial_id)
    else:
        _end(session, given)
    row = session.get_one(TrialRow, trial_id)
    row.started_at, row.finished_at = _plain(given.started_at), _plain(given.finished_at)
    # Notes and tags that were written here stand.
    row.note, row.tags = row.note or given.note or None, row.tags or tags_text(given.tags)
    return True


def _end(session: Session, given: FinishedTrial) -> None:
    trial_id = given.spec.trial_id
    number = trials.claim(session, trial_id)
    assert number is not None, "the trial was waiting in this very transaction"
    session.flush()
    if given.result is not None:
        trials.record_result(session, given.result.model_copy(update={"attempt": number}))
    else:
        assert given.failure is not None, "read_finished gives one or the other"
        failure = given.failure.model_copy(update={"attempt": number})
        trials.record_failure(session, failure, _NO_MORE)
    session.flush()
    attempt = session.get_one(AttemptRow, (trial_id, number))
    # What it took there is part of what the study has cost.
    attempt.started_at = _plain(given.started_at) or attempt.started_at
    attempt.finished_at = _plain(given.finished_at) or attempt.finished_at


def _require_same_scores(given: FinishedTrial, result: TrialResult | None) -> None:
    if given.result is None or result is None:
        return
    here, there = (sorted(one.scores, key=_key) for one in (result, given.result))
    for mine, told in zip(here, there, strict=False):
        if mine != told:
            raise OtherScores(
                f"line {given.line}.score:{told.benchmark}:{told.metric}: {told.value!r}, and "
                f"trial {given.spec.trial_id} has {mine.value!r} here already, which stands"
            )
    if len(here) != len(there):
        raise OtherScores(
            f"line {given.line}: trial {given.spec.trial_id} has {len(here)} scores here already, "
            f"not {len(there)}, and they stand"
        )


def _key(score: Score) -> tuple[str, str]:
    return score.benchmark, score.metric


def _plain(moment: datetime | None) -> datetime | None:
    """UTC without a zone, as the tables hold it."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
