"""Tokens made, listed and revoked on the database itself, while no controller has it open.

Whoever can write the file may do so anyway: this asks for no token, and is written down.
"""

import getpass
import socket
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from db.audit import Happened, write_down
from db.database import Database
from db.tokens import UnknownToken
from service.keyring import Keyring, LastAdmin
from service.routes.tokens import NewToken, TokenWish
from service.settings import Settings


class InvalidWish(ValueError):
    """What was asked for cannot be."""


class TokensWithoutController:
    """The same three calls as the API's client. Use as a context manager."""

    def __init__(self, settings: Settings) -> None:
        """Raises DatabaseInUse, DatabaseTooNew, DatabaseUnreadable."""
        self._database = Database(settings.home / "decaymix.duckdb")
        self._keyring = Keyring(self._database, settings.owner_token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def create_token(
        self, name: str, scopes: list[str], expires_in_days: float | None
    ) -> dict[str, Any]:
        """Raises InvalidWish."""
        try:
            wish = TokenWish.model_validate(
                {"name": name, "scopes": scopes, "expires_in_days": expires_in_days}
            )
            stored, text = self._keyring.create(wish.name, wish.scopes, wish.expires_in_days)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidWish(f"{where} = {first['input']!r}: {first['msg']}") from error
        except LastAdmin as error:
            raise InvalidWish(str(error)) from error
        self._write_down("create_token", f"{stored.id} {name}: {', '.join(stored.scopes)}", 201)
        return NewToken(token=text, stored=stored).model_dump(mode="json")

    def tokens(self) -> list[dict[str, Any]]:
        return [one.model_dump(mode="json") for one in self._keyring.list()]

    def revoke_token(self, token_id: str) -> dict[str, Any]:
        """Raises InvalidWish."""
        try:
            stored = self._keyring.revoke(token_id)
        except LastAdmin as error:
            raise InvalidWish(str(error)) from error
        except UnknownToken as error:
            raise InvalidWish(f"there is no token {token_id}; `token list` has them") from error
        self._write_down("revoke_token", f"{stored.id} {stored.name}", 200)
        return stored.model_dump(mode="json")

    def _write_down(self, action: str, detail: str, status: int) -> None:
        what = Happened(
            who=f"command line ({getpass.getuser()})",
            action=action,
            path="token",
            detail=detail,
            address=socket.gethostname(),
            status=status,
            request_id="",
        )
        write_down(self._database, what)
