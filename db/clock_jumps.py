"""What is under way moves with a clock that was set, so that it takes as long as it was given."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import AttemptRow, TrialRow
from db.webhooks import DeliveryRow
from mixtures.trial import TrialState


def move_with_clock(session: Session, seconds: float) -> int:
    """Starts and leases of running attempts and times of pending webhooks, `seconds` later.

    Returns how many attempts there were.
    """
    by = timedelta(seconds=seconds)
    running = session.scalars(select(AttemptRow).where(AttemptRow.outcome == "RUNNING")).all()
    for attempt in running:
        attempt.started_at += by
        if attempt.leased_until is not None:
            attempt.leased_until += by
    for trial in session.scalars(select(TrialRow).where(TrialRow.state == TrialState.RUNNING)):
        if trial.started_at is not None:
            trial.started_at += by
    for told in session.scalars(select(DeliveryRow).where(DeliveryRow.state == "PENDING")):
        told.next_at += by
    return len(running)
