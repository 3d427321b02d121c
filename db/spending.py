"""What a study has cost so far, by its attempts, and how many tokens its trials read."""

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from db.database import now
from db.tables import AttemptRow, TrialRow
from mixtures.trial import TrialState
from mixtures.value import Value


class Spending(Value):
    """Hours of workers: of all attempts, running ones up to now; of a COMPLETE one, 0 before."""

    hours: float
    hours_per_trial: float


def spending(session: Session, study_id: str) -> Spending:
    rows = session.execute(
        select(AttemptRow.outcome, AttemptRow.started_at, AttemptRow.finished_at)
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .where(TrialRow.study_id == study_id)
    )
    total, complete = 0.0, []
    for outcome, started, finished in rows:
        hours = ((finished or now()) - started).total_seconds() / 3600
        total += hours
        if outcome == TrialState.COMPLETE:
            complete.append(hours)
    mean = sum(complete) / len(complete) if complete else 0.0
    return Spending(hours=total, hours_per_trial=mean)


def tokens_by_state(session: Session, study_id: str) -> dict[TrialState, int]:
    """Decay tokens of a study's trials, from their specs; a second for 100,000 of them, so ask only
    where they differ.
    """
    of_trial = cast(func.json_extract(TrialRow.spec, "$.decay.tokens"), BigInteger)
    rows = session.execute(
        select(TrialRow.state, func.sum(of_trial))
        .where(TrialRow.study_id == study_id)
        .group_by(TrialRow.state)
    )
    found = {TrialState(state): int(tokens) for state, tokens in rows}
    return {state: found.get(state, 0) for state in TrialState}


def has_only_failed(session: Session, study_id: str, num: int) -> bool:
    """Whether the last `num` trials to end have all failed: then more of them help nobody."""
    states = session.scalars(
        select(TrialRow.state)
        .where(TrialRow.study_id == study_id, TrialRow.finished_at.is_not(None))
        .order_by(TrialRow.finished_at.desc())
        .limit(num)
    ).all()
    return len(states) == num and all(state == TrialState.FAILED for state in states)
