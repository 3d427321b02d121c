"""What waits and what runs, study by study: the queue as the scheduler sees it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import StudyRow, TrialRow
from mixtures.trial import TrialState
from mixtures.value import Value

# Running trials that are named; of outside trainers there may be thousands.
_MOST_RUNNING = 200


class QueuedStudy(Value):
    """A study with trials that wait or run. `running` are trials, the oldest first."""

    study_id: str
    name: str
    num_waiting: int
    num_running: int
    running: tuple[str, ...]


def queue(session: Session) -> list[QueuedStudy]:
    """In the order in which their first waiting or running trial is claimed."""
    rows = session.execute(
        select(
            TrialRow.study_id,
            TrialRow.state,
            func.count(),
            func.min(TrialRow.position),
        )
        .where(TrialRow.state.in_((TrialState.WAITING, TrialState.RUNNING)))
        .group_by(TrialRow.study_id, TrialRow.state)
    )
    counts: dict[str, dict[str, int]] = {}
    first: dict[str, int] = {}
    for study_id, state, count, position in rows:
        counts.setdefault(study_id, {})[state] = int(count)
        first[study_id] = min(first.get(study_id, position), position)
    running: dict[str, list[str]] = {}
    for study_id, trial_id in session.execute(
        select(TrialRow.study_id, TrialRow.id)
        .where(TrialRow.state == TrialState.RUNNING)
        .order_by(TrialRow.started_at, TrialRow.position)
        .limit(_MOST_RUNNING)
    ):
        running.setdefault(study_id, []).append(trial_id)
    named = session.execute(select(StudyRow.id, StudyRow.name).where(StudyRow.id.in_(counts)))
    names = {study_id: name for study_id, name in named}
    return [
        QueuedStudy(
            study_id=study_id,
            name=names[study_id],
            num_waiting=counts[study_id].get(TrialState.WAITING, 0),
            num_running=counts[study_id].get(TrialState.RUNNING, 0),
            running=tuple(running.get(study_id, ())),
        )
        for study_id in sorted(counts, key=first.__getitem__)
    ]
