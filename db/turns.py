"""Whose turn it is: the studies that have trials waiting for our own workers.

Higher priority first; of one priority the study with the fewest trials running, so that several get
an equal part of the cluster, and one that comes late does not wait for the end of another; of these
the one whose trial has waited longest. A study that has `max_running` trials running is left out.
"""

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from db.tables import StudyRow, TrialRow
from mixtures.trial import TrialSpec, TrialState


@dataclass(frozen=True, slots=True)
class Turn:
    """A study whose first waiting trial is at `position`; `is_limited` by a `max_running`."""

    study_id: str
    position: int
    is_limited: bool


def turns(session: Session) -> list[Turn]:
    """In the order in which they are served. One look at the trials, whatever their number."""
    is_waiting = TrialRow.state == TrialState.WAITING
    first = func.min(case((is_waiting, TrialRow.position)))
    num_running = func.sum(case((is_waiting, 0), else_=1))
    rows = session.execute(
        select(TrialRow.study_id, first, num_running, StudyRow.priority, StudyRow.max_running)
        # Trials without a study are a test's.
        .join(StudyRow, StudyRow.id == TrialRow.study_id, isouter=True)
        .where(
            TrialRow.state.in_((TrialState.WAITING, TrialState.RUNNING)),
            TrialRow.trained_by.is_(None),
            func.coalesce(StudyRow.is_paused, False).is_(False),
        )
        .group_by(TrialRow.study_id, StudyRow.priority, StudyRow.max_running)
        .having(first.is_not(None))
    )
    waiting = [
        (-(priority or 0), running, position, study_id, most is not None)
        for study_id, position, running, priority, most in rows
        if most is None or running < most
    ]
    return [
        Turn(study_id, position, is_limited)
        for *_, position, study_id, is_limited in sorted(waiting)
    ]


def first_specs(session: Session, turn: Turn, most: int) -> list[TrialSpec]:
    """The study's trials whose turn it is, from the first on: one at least."""
    texts = session.scalars(
        select(TrialRow.spec)
        .where(
            TrialRow.study_id == turn.study_id,
            TrialRow.state == TrialState.WAITING,
            TrialRow.trained_by.is_(None),
            TrialRow.position >= turn.position,
        )
        .order_by(TrialRow.position)
        .limit(most)
    ).all()
    assert texts, f"no trial of study {turn.study_id} waits from position {turn.position} on"
    return [TrialSpec.model_validate_json(text) for text in texts]
