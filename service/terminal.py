"""How every command ends and speaks: one line and an exit code for an error, JSON where asked."""

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from service.settings import Settings, what_is_wrong

BAD_INPUT, FAILED = 2, 1

Json = Annotated[bool, typer.Option("--json", help="print the API's JSON")]


def settings_or_fail() -> Settings:
    """The settings; a wrong one ends the command with its name."""
    try:
        return Settings()
    except ValidationError as error:
        fail(what_is_wrong(error), BAD_INPUT)


def show(as_json: bool, data: Any, lines: Callable[[Console], None]) -> None:
    """`data` as JSON, or what `lines` prints of it."""
    if as_json:
        print_json(data)
    else:
        lines(Console())


def print_json(data: Any) -> None:
    """One line, at once."""
    print(json.dumps(data), flush=True)


def fail(message: str, code: int) -> NoReturn:
    """End the command with one line on standard error."""
    print(f"decaymix: {' '.join(message.split())}", file=sys.stderr)
    raise typer.Exit(code)
