"""Answers that are kept under a client's Idempotency-Key, so that asking again changes nothing.

A row is written in the transaction of the change itself: either both are there or neither is.
"""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, Integer, String, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.database import now
from db.tables import Base
from mixtures.value import Value


class AnsweredRow(Base):
    """One answer. `id` is the hash of who asked and of the key, which itself is not kept."""

    __tablename__ = "answered"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String)
    status: Mapped[int] = mapped_column(Integer)
    location: Mapped[str] = mapped_column(String)
    body: Mapped[str] = mapped_column(String)
    expires_at: Mapped[datetime] = mapped_column(DateTime)


class KeptAnswer(Value):
    """`fingerprint` is the hash of what was asked; `location` is empty where there was none."""

    id: str
    fingerprint: str
    status: int
    location: str
    body: str


def find_answer(session: Session, answer_id: str) -> KeptAnswer | None:
    """None where nothing is kept, or no longer."""
    row = session.get(AnsweredRow, answer_id)
    if row is None or row.expires_at <= now():
        return None
    return KeptAnswer(
        id=row.id,
        fingerprint=row.fingerprint,
        status=row.status,
        location=row.location,
        body=row.body,
    )


def keep_answer(session: Session, answer: KeptAnswer, seconds: float) -> None:
    """For so many seconds from now; in the place of one that has expired."""
    # Not deleted and inserted: DuckDB refuses a key that was deleted in the same transaction.
    session.merge(AnsweredRow(**answer.model_dump(), expires_at=now() + timedelta(seconds=seconds)))


def prune_answers(session: Session) -> int:
    """Delete what has expired; how many that were."""
    gone = delete(AnsweredRow).where(AnsweredRow.expires_at <= now()).returning(AnsweredRow.id)
    return len(session.scalars(gone).all())
