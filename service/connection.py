"""The command line's way to the controller: which one, and how its problems end a command."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from service.client import ApiProblem, BadAddress, Client, ControllerUnreachable
from service.terminal import BAD_INPUT, FAILED, fail, settings_or_fail


@contextmanager
def client() -> Iterator[Client]:
    """A client of the configured controller; its problems end the command with one line."""
    settings = settings_or_fail()
    token = settings.token.get_secret_value() if settings.token else None
    url = os.environ.get("DECAYMIX_URL") or settings.url
    try:
        with Client(url, token) as connected:
            yield connected
    except BadAddress as error:
        fail(f"DECAYMIX_URL = {url!r}: {error}", BAD_INPUT)
    except ApiProblem as problem:
        fail(str(problem), BAD_INPUT if problem.status < 500 else FAILED)
    except ControllerUnreachable as error:
        fail(str(error), FAILED)
