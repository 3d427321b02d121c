"""`./run decaymix token`: make, list and revoke API tokens.

Through the controller like every command; where none runs on this home, on its database, which is
how the first token comes to be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console

from service import connection
from service.terminal import BAD_INPUT, FAILED, Json, fail, line, settings_or_fail, show

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API tokens.")


class _Tokens(Protocol):
    """What the client and the database's own door have in common."""

    def create_token(
        self, name: str, scopes: list[str], expires_in_days: float | None
    ) -> dict[str, Any]: ...

    def tokens(self) -> list[dict[str, Any]]: ...

    def revoke_token(self, token_id: str) -> dict[str, Any]: ...


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="whose it is, or what for")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, submit or admin; each holds those before it")
    ] = None,
    days: Annotated[float, typer.Option(help="until it expires; 0: never")] = 90.0,
    json: Json = False,
) -> None:
    """Make a token and print it: this is the only time that it can be seen."""

    def lines(out: Console) -> None:
        stored = made["stored"]
        until = "never expires" if stored["expires_at"] is None else f"until {stored['expires_at']}"
        line(out, made["token"])
        err = Console(stderr=True)
        line(err, f"token {stored['id']}, {', '.join(stored['scopes'])}, {until}; keep it now")

    with _door() as door:
        made = door.create_token(name, scope or ["read"], days or None)
        show(json, made, lines)


@app.command(name="list")
def list_tokens(json: Json = False) -> None:
    """All tokens, newest first; never their text."""

    def lines(out: Console) -> None:
        for one in found:
            until = one["expires_at"] or "never expires"
            state = f"revoked {one['revoked_at']}" if one["revoked_at"] else until
            line(out, f"{one['id']}  {','.join(one['scopes']):12}  {state}  {one['name']}")

    with _door() as door:
        found = door.tokens()
        show(json, found, lines)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="id of a token, as list shows it")],
    json: Json = False,
) -> None:
    """Refuse a token from now on, and end the logins made with it."""
    with _door() as door:
        found = door.revoke_token(token)
        show(json, found, lambda out: line(out, f"token {token}: revoked {found['revoked_at']}"))


@contextmanager
def _door() -> Iterator[_Tokens]:
    """The controller's API, or its database while no controller has it open."""
    with connection.client_or_none() as client:
        if client is not None:
            yield client
            return
    # Imported here: SQLAlchemy and Alembic take a second, and with a controller none is needed.
    from db.database import DatabaseInUse, DatabaseTooNew, DatabaseUnreadable
    from service.tokens_without_controller import InvalidWish, TokensWithoutController

    settings = settings_or_fail()
    try:
        with TokensWithoutController(settings) as door:
            yield door
    except InvalidWish as error:
        fail(str(error), BAD_INPUT)
    except (DatabaseInUse, DatabaseTooNew, DatabaseUnreadable) as error:
        fail(str(error), FAILED)
