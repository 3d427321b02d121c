"""The token: asked of every request where one is set, as a bearer token or a Basic password.

Basic is for browsers, which ask for it themselves; any user name will do.
"""

import base64
import hmac

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import problem_response

# A load balancer asks without a token; the answer tells nothing but "alive".
OPEN_PATHS = frozenset({"/healthz"})


class TokenAuth:
    """ASGI middleware; refuses with 401 what does not carry the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            given = token_of(HTTPConnection(scope).headers.get("authorization", ""))
            # In constant time: how far a wrong token is right must not show in the answer's time.
            if not hmac.compare_digest(given.encode(), self._token):
                response = problem_response(401, "send 'Authorization: Bearer TOKEN'")
                response.headers["WWW-Authenticate"] = 'Basic realm="Decaymix", charset="UTF-8"'
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def token_of(header: str) -> str:
    """The token in an Authorization header; empty where there is none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(value, validate=True).decode()
        except ValueError:  # not base64, not ASCII, not UTF-8
            return ""
        return text.partition(":")[2]
    return ""
