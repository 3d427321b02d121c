"""The audit log: who did what, when, from where, and how it ended. Rows only come."""

import secrets
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import DateTime, Integer, String, delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.database import Database, now
from db.tables import Base
from mixtures.value import Value


class AuditUnwritable(RuntimeError):
    """The database did not take the entry: its disk is full, say."""


class AuditRow(Base):
    """One request that changes something, or that was not let in. Ids sort by time."""

    __tablename__ = "audit"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    happened_at: Mapped[datetime] = mapped_column(DateTime)
    who: Mapped[str] = mapped_column(String)
    action: Mapped[str] = mapped_column(String)
    path: Mapped[str] = mapped_column(String)
    detail: Mapped[str] = mapped_column(String)
    address: Mapped[str] = mapped_column(String)
    status: Mapped[int] = mapped_column(Integer)
    request_id: Mapped[str] = mapped_column(String)


class Happened(Value):
    """`who` asked for `action` on `path` from `address`; `status` is how it was answered."""

    who: str
    action: str
    path: str
    detail: str
    address: str
    status: int
    request_id: str


class AuditEntry(Happened):
    """As it is kept."""

    id: str
    happened_at: datetime


def add(session: Session, what: Happened) -> None:
    """Add an entry, as of now, to the transaction of what happened."""
    session.add(
        AuditRow(
            # Milliseconds first, so that entries sort by their ids, page by page.
            id=f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}",
            happened_at=now(),
            **what.model_dump(),
        )
    )


def write_down(database: Database, what: Happened) -> None:
    """Add an entry in a transaction of its own. Raises AuditUnwritable."""
    try:
        with database.write() as session:
            add(session, what)
    except SQLAlchemyError as error:
        raise AuditUnwritable(str(error)) from error


def list_entries(session: Session, limit: int, before: str | None = None) -> list[AuditEntry]:
    """Newest first; those that are older than the entry `before`, where one is given."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditRow.id < before)
    return [
        AuditEntry(
            id=row.id,
            happened_at=row.happened_at.replace(tzinfo=UTC),
            who=row.who,
            action=row.action,
            path=row.path,
            detail=row.detail,
            address=row.address,
            status=row.status,
            request_id=row.request_id,
        )
        for row in session.scalars(query)
    ]


def prune(session: Session, days: int) -> int:
    """Delete what is older than `days`; how many entries that were."""
    found = session.scalars(
        delete(AuditRow)
        .where(AuditRow.happened_at < now() - timedelta(days=days))
        .returning(AuditRow.id)
    ).all()
    return len(found)
