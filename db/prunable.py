"""What the tables say of files that may be deleted: whose trials have ended, and long ago."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.database import now
from db.tables import StudyRow, TrialRow
from mixtures.trial import TrialState

_ENDED = tuple(state for state in TrialState if state.is_finished)


@dataclass(frozen=True, slots=True)
class Prunable:
    """Ids of trials. `archived` ended that long ago and their study was put away."""

    unfinished: frozenset[str]
    archived: frozenset[str]


def prunable(session: Session, days: float) -> Prunable:
    """As of now; `days` since the last trial of an archived study ended."""
    unfinished = session.scalars(select(TrialRow.id).where(TrialRow.state.not_in(_ENDED)))
    quiet = (
        select(TrialRow.study_id)
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .where(StudyRow.is_archived.is_(True))
        .group_by(TrialRow.study_id)
        .having(
            func.max(TrialRow.finished_at) < now() - timedelta(days=days),
            func.count().filter(TrialRow.state.not_in(_ENDED)) == 0,
        )
    )
    archived = session.scalars(select(TrialRow.id).where(TrialRow.study_id.in_(quiet)))
    return Prunable(frozenset(unfinished), frozenset(archived))
