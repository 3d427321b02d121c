"""The command line's way to the controller: which one, and how its problems end a command."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from decaymix import ApiProblem, BadAddress, Client, ControllerUnreachable
from service.settings import Settings
from service.terminal import BAD_INPUT, FAILED, fail, in_file, settings_or_fail

_MOST_COMPLETED = 100
_UNPROCESSABLE = 422


def study_names(incomplete: str) -> list[str]:
    """For the shell's completion, which waits: newest first, nothing where nobody answers."""
    try:
        settings = Settings()
        url = os.environ.get("DECAYMIX_URL") or settings.url
        with Client(url, settings.owner_token, retry_seconds=0) as connected:
            found = connected.studies(limit=_MOST_COMPLETED)
    except (ValidationError, BadAddress, ApiProblem, ControllerUnreachable):
        return []
    names = dict.fromkeys(one["name"] for one in found)
    return [name for name in names if name.startswith(incomplete)]


Study = Annotated[str, typer.Argument(help="id or name of a study", autocompletion=study_names)]


@contextmanager
def client(file: Path | None = None) -> Iterator[Client]:
    """A client of the configured controller; its problems end the command with one line.

    `file` is what the user gave and the command sends: what is refused of it names it.
    """
    settings = settings_or_fail()
    url = os.environ.get("DECAYMIX_URL") or settings.url
    try:
        with Client(url, settings.owner_token) as connected:
            yield connected
    except BadAddress as error:
        fail(f"DECAYMIX_URL = {url!r}: {error}", BAD_INPUT)
    except ApiProblem as problem:
        is_refused = problem.status == _UNPROCESSABLE
        said = in_file(file, str(problem)) if file and is_refused else str(problem)
        fail(said, BAD_INPUT if problem.status < 500 else FAILED)
    except ControllerUnreachable as error:
        fail(str(error), FAILED)


@contextmanager
def client_or_none() -> Iterator[Client | None]:
    """The same; None where no controller runs at the settings' own address.

    With DECAYMIX_URL, which names another machine's, there has to be one.
    """
    with client() as connected:
        is_ours = not os.environ.get("DECAYMIX_URL")
        yield None if is_ours and not connected.is_alive() else connected
