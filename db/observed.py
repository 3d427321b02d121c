"""What is watched from outside: counts over all studies, and whether the file takes a write."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import DateTime, Integer, String, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.database import Database, now
from db.tables import AttemptRow, Base, StudyRow, TrialRow
from mixtures.trial import TrialState
from mixtures.value import Value


class DatabaseUnwritable(RuntimeError):
    """The file is there and takes no write: its disk is full or read-only, say."""


class ProbeRow(Base):
    """One row, written to see that writing works."""

    __tablename__ = "probe"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    written_at: Mapped[datetime] = mapped_column(DateTime)
    num_writes: Mapped[int] = mapped_column(Integer)


class Observed(Value):
    """Over all studies. `attempts` counts by outcome; a lost lease is of an outside trainer."""

    num_studies: int
    trials: dict[TrialState, int]
    oldest_waiting_seconds: float
    attempts: dict[str, int]
    num_retries: int
    num_leases_lost: int


class StudyCounts(Value):
    """A study's trials by state, and how many attempts there were at them."""

    name: str
    trials: dict[TrialState, int]
    num_attempts: int


def observe(session: Session) -> Observed:
    """As of now."""
    states = session.execute(select(TrialRow.state, func.count()).group_by(TrialRow.state))
    counts = {TrialState(state): int(count) for state, count in states}
    oldest = session.scalar(
        select(func.min(TrialRow.created_at)).where(
            TrialRow.state == TrialState.WAITING, TrialRow.trained_by.is_(None)
        )
    )
    outcomes = session.execute(
        select(AttemptRow.outcome, func.count()).group_by(AttemptRow.outcome)
    )
    return Observed(
        num_studies=_count(session.scalar(select(func.count()).select_from(StudyRow))),
        trials={state: counts.get(state, 0) for state in TrialState},
        oldest_waiting_seconds=0.0 if oldest is None else (now() - oldest).total_seconds(),
        attempts={outcome: int(count) for outcome, count in outcomes},
        num_retries=_count(
            session.scalar(
                select(func.count()).select_from(AttemptRow).where(AttemptRow.number > 1)
            )
        ),
        num_leases_lost=_count(
            session.scalar(
                select(func.count())
                .select_from(AttemptRow)
                .where(AttemptRow.outcome == "LOST", AttemptRow.worker.is_not(None))
            )
        ),
    )


def ended_studies(session: Session) -> Mapping[str, StudyCounts]:
    """Those of which no trial waits or runs, by id; one that searches may go on all the same."""
    rows = session.execute(
        select(
            TrialRow.study_id,
            StudyRow.name,
            TrialRow.state,
            func.count(),
            func.sum(TrialRow.attempt),
        )
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .group_by(TrialRow.study_id, StudyRow.name, TrialRow.state)
    )
    names: dict[str, str] = {}
    counts: dict[str, dict[TrialState, int]] = {}
    attempts: dict[str, int] = {}
    for study_id, name, state, count, tried in rows:
        names[study_id] = name
        counts.setdefault(study_id, {})[TrialState(state)] = int(count)
        attempts[study_id] = attempts.get(study_id, 0) + int(tried or 0)
    return {
        study_id: StudyCounts(name=names[study_id], trials=found, num_attempts=attempts[study_id])
        for study_id, found in counts.items()
        if all(state.is_finished for state in found)
    }


def require_writable(database: Database) -> None:
    """Raises DatabaseUnwritable; a commit of one row, 3 to 7 ms."""
    try:
        with database.write() as session:
            row = session.get(ProbeRow, "probe")
            if row is None:
                session.add(ProbeRow(id="probe", written_at=now(), num_writes=1))
            else:
                row.written_at, row.num_writes = now(), (row.num_writes + 1) % 1_000_000
    except SQLAlchemyError as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise DatabaseUnwritable(f"{database.path}: {lines[0]}") from error


def _count(found: int | None) -> int:
    return int(found or 0)
