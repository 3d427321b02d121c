"""Answers only to names of its own: against DNS rebinding.

A page of evil.example may have its name resolve to 127.0.0.1, and then reads and writes here as if
it were ours. Its browser still sends the name in Host, and that gives it away.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import problem_response
from service.settings import LOOPBACK


class HostCheck:
    """ASGI middleware: 421 for a Host that is not among `names` or the loopback's."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app, self._names = app, LOOPBACK | frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = HTTPConnection(scope).headers.get("host", "")
            if host_name(host) not in self._names:
                detail = "no such host here; its names are those in DECAYMIX_ALLOWED_HOSTS"
                await problem_response(421, detail)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def host_name(host: str) -> str:
    """Of `name:port` the name in small letters, of `[::1]:port` the address; "" for neither."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
