"""How every command ends and speaks: one line and an exit code for an error, JSON where asked."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from mixtures.value import InvalidField
from service.settings import Settings, what_is_wrong

BAD_INPUT, FAILED = 2, 1

Json = Annotated[bool, typer.Option("--json", help="print the API's JSON")]


def settings_or_fail() -> Settings:
    """The settings; a wrong one ends the command with its name."""
    try:
        return Settings()
    except ValidationError as error:
        fail(what_is_wrong(error), BAD_INPUT)


def text_of(file: Path) -> str:
    """The text of a file that the user named; one that cannot be read ends the command."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", BAD_INPUT)
    except UnicodeDecodeError as error:
        fail(f"cannot read {file}: {error}", BAD_INPUT)


def run_worker_code(function: str, *arguments: Any) -> Any:
    """`module:name` of worker code in a child process, because torch must not be imported here.

    What is wrong with the user's data ends the command with exit code 2, a child that is killed
    with 1.
    """
    # Imported here: Ray takes a second, and most commands need none of it.
    from workers.pool import DataError, run_local

    try:
        return run_local(function, *arguments)
    except DataError as error:
        fail(str(error), BAD_INPUT)
    except RuntimeError as error:
        fail(str(error), FAILED)


def line(out: Console, text: str) -> None:
    """Print `text` as it stands: no markup, no colours, no breaks of ours."""
    out.print(text, highlight=False, markup=False, soft_wrap=True)


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


def fail_in(file: Path, error: InvalidField) -> NoReturn:
    """End the command with the file, the field of it that is wrong, its value and what is right."""
    fail(f"{file}: {at_field(error.field, error.value)}: {error}", BAD_INPUT)


def at_field(field: str, value: Any) -> str:
    """A field that is wrong, with its value where there is one."""
    return field if value is None else f"{field} = {value!r}"


def in_file(file: Path, problem: str) -> str:
    """What is wrong with a request's body, when the body is a file."""
    return f"{file}: {problem.removeprefix('(body): ')}"
