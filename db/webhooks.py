"""The outbox of webhooks: what is to be told, to whom, and what became of it.

An event is written here before it is sent, so a controller that dies in between sends it after the
next start. An address may hold a secret: only its hash is kept.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import DateTime, Integer, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.database import now
from db.tables import Base
from mixtures.value import Value

# SKIPPED: it had happened before anybody wanted to know.
DeliveryState = Literal["PENDING", "DELIVERED", "FAILED", "SKIPPED"]


class DeliveryRow(Base):
    """One event to one address."""

    __tablename__ = "webhook_delivery"

    event_id: Mapped[str] = mapped_column(String, primary_key=True)
    address_hash: Mapped[str] = mapped_column(String, primary_key=True)
    body: Mapped[str] = mapped_column(String)
    state: Mapped[str] = mapped_column(String)
    num_tries: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    next_at: Mapped[datetime] = mapped_column(DateTime)
    message: Mapped[str] = mapped_column(String)


class Delivery(Value):
    """As it is kept; `message` says what the last try came to."""

    event_id: str
    address_hash: str
    body: str
    state: DeliveryState
    num_tries: int
    created_at: datetime
    message: str


def known_events(session: Session, address_hash: str) -> set[str]:
    """Ids of the events that were ever written down for this address."""
    query = select(DeliveryRow.event_id).where(DeliveryRow.address_hash == address_hash)
    return set(session.scalars(query))


def insert_delivery(
    session: Session, event_id: str, address_hash: str, body: str, state: DeliveryState
) -> None:
    """A new event for an address, due at once."""
    session.add(
        DeliveryRow(
            event_id=event_id,
            address_hash=address_hash,
            body=body,
            state=state,
            num_tries=0,
            created_at=now(),
            next_at=now(),
            message="",
        )
    )


def due(session: Session, limit: int) -> Sequence[Delivery]:
    """PENDING ones whose time has come, oldest first."""
    rows = session.scalars(
        select(DeliveryRow)
        .where(DeliveryRow.state == "PENDING", DeliveryRow.next_at <= now())
        .order_by(DeliveryRow.created_at, DeliveryRow.event_id)
        .limit(limit)
    )
    return [
        Delivery.model_validate(
            {
                "event_id": row.event_id,
                "address_hash": row.address_hash,
                "body": row.body,
                "state": row.state,
                "num_tries": row.num_tries,
                "created_at": row.created_at.replace(tzinfo=UTC),
                "message": row.message,
            }
        )
        for row in rows
    ]


def record_try(
    session: Session, delivery: Delivery, state: DeliveryState, message: str, wait_seconds: float
) -> None:
    """What a try came to; where it is PENDING still, the next comes after `wait_seconds`."""
    row = session.get_one(DeliveryRow, (delivery.event_id, delivery.address_hash))
    row.state, row.message = state, message
    row.num_tries += 1
    row.next_at = now() + timedelta(seconds=wait_seconds)


def count_deliveries(session: Session) -> dict[str, int]:
    """By state."""
    rows = session.execute(select(DeliveryRow.state, func.count()).group_by(DeliveryRow.state))
    return {state: int(count) for state, count in rows}
