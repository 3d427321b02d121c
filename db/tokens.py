"""API tokens and logins. Of either only a hash is kept: who reads the file can enter with neither.

A token is 256 random bits, so one SHA-256 is enough: there is nothing to guess it from.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import DateTime, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.database import now
from db.tables import Base
from mixtures.value import Value

# Each holds what stands before it: who may submit may read, an admin may do all.
Scope = Literal["read", "submit", "admin"]


class UnknownToken(LookupError):
    """No token of that id."""


class TokenRow(Base):
    """One token. Rows are never deleted: the audit log names them."""

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str] = mapped_column(String)
    secret_sha256: Mapped[str] = mapped_column(String)
    scopes: Mapped[str] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime)


class LoginRow(Base):
    """One browser's login: the hash of its cookie, and the token that it stands for.

    `token_id` is empty where it was DECAYMIX_TOKEN; then `proof` binds the login to its value.
    """

    __tablename__ = "login"

    cookie_sha256: Mapped[str] = mapped_column(String, primary_key=True)
    token_id: Mapped[str] = mapped_column(String)
    proof: Mapped[str] = mapped_column(String)
    expires_at: Mapped[datetime] = mapped_column(DateTime)


class StoredToken(Value):
    """What may be shown of a token; times are UTC."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_usable(self, at: datetime) -> bool:
        is_over = self.expires_at is not None and self.expires_at <= at
        return self.revoked_at is None and not is_over


class StoredLogin(Value):
    """A login as it is kept."""

    cookie_sha256: str
    token_id: str
    proof: str
    expires_at: datetime


def insert_token(session: Session, token: StoredToken, secret_sha256: str) -> None:
    """Keep a new token."""
    session.add(
        TokenRow(
            id=token.id,
            name=token.name,
            secret_sha256=secret_sha256,
            scopes=",".join(token.scopes),
            created_at=_plain(token.created_at),
            expires_at=token.expires_at and _plain(token.expires_at),
        )
    )


def list_tokens(session: Session) -> list[StoredToken]:
    """All, revoked and expired ones too, newest first."""
    rows = session.scalars(select(TokenRow).order_by(TokenRow.created_at.desc(), TokenRow.id))
    return [_stored(row) for row in rows]


def token_hashes(session: Session) -> dict[str, str]:
    """Hash of the secret by id of the token."""
    return {row.id: row.secret_sha256 for row in session.scalars(select(TokenRow))}


def revoke_token(session: Session, token_id: str) -> StoredToken:
    """The token, of no use from now on; revoked twice is once. Raises UnknownToken."""
    row = session.get(TokenRow, token_id)
    if row is None:
        raise UnknownToken(token_id)
    if row.revoked_at is None:
        row.revoked_at = now()
    return _stored(row)


def insert_login(session: Session, login: StoredLogin) -> None:
    """Keep a new login, and let go of those that have ended."""
    session.execute(delete(LoginRow).where(LoginRow.expires_at < now()))
    session.add(
        LoginRow(
            cookie_sha256=login.cookie_sha256,
            token_id=login.token_id,
            proof=login.proof,
            expires_at=_plain(login.expires_at),
        )
    )


def list_logins(session: Session) -> Sequence[StoredLogin]:
    """All that have not ended."""
    rows = session.scalars(select(LoginRow).where(LoginRow.expires_at >= now()))
    return [
        StoredLogin(
            cookie_sha256=row.cookie_sha256,
            token_id=row.token_id,
            proof=row.proof,
            expires_at=row.expires_at.replace(tzinfo=UTC),
        )
        for row in rows
    ]


def delete_login(session: Session, cookie_sha256: str) -> None:
    """Log out; nothing happens where there was no such login."""
    session.execute(delete(LoginRow).where(LoginRow.cookie_sha256 == cookie_sha256))


def _stored(row: TokenRow) -> StoredToken:
    # Only what `insert_token` wrote: a scope by another name would be a defect, and pydantic says.
    return StoredToken.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "scopes": tuple(row.scopes.split(",")),
            "created_at": row.created_at.replace(tzinfo=UTC),
            "expires_at": row.expires_at and row.expires_at.replace(tzinfo=UTC),
            "revoked_at": row.revoked_at and row.revoked_at.replace(tzinfo=UTC),
        }
    )


def _plain(at: datetime) -> datetime:
    """UTC without a zone, as the tables hold it."""
    return at.astimezone(UTC).replace(tzinfo=None)
