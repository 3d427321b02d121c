"""The door: who asks, from where, whether by their own will; and what they did is written down.

A token comes as a bearer token or as the password of HTTP Basic; a browser has a login's cookie
(`service.pages.login`). Where no token exists, the service listens on loopback alone and lets all
in. A method that changes something needs the scope `submit` at the least, whatever its route says.
"""

import base64
import math
from urllib.parse import quote, urlsplit

import structlog
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db import audit
from service.buckets import Buckets
from service.errors import problem_response
from service.keyring import ANYBODY, Keyring, TooManyFailures
from service.scopes import Caller

log = structlog.get_logger()

COOKIE = "decaymix_login"
# A load balancer asks without a token, and so does whoever is about to log in; neither these nor
# our own files under /static tell anything.
OPEN_PATHS = frozenset({"/healthz", "/login", "/logout"})
# How many seconds' worth of requests may come at once: a page asks for a handful, a script more.
_BURST_SECONDS = 2.0
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NOBODY = Caller("nobody", ())
_FOREIGN = "a page of another site sent this; open Decaymix itself to change something"


class Access:
    """ASGI middleware: 401, 403 and 429, or the app with `state.caller` set."""

    def __init__(self, app: ASGIApp, requests_per_second: float) -> None:
        """Of each caller, or of each address where none is known."""
        self._app = app
        self._rates = Buckets(requests_per_second * _BURST_SECONDS, requests_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        keyring: Keyring = request.app.state.controller.keyring
        state = scope.setdefault("state", {})
        state["caller"] = _NOBODY
        try:
            caller = _caller(request, keyring)
        except TooManyFailures as error:
            # Not written down: the ten before it were.
            await too_many(str(error), error.seconds)(scope, receive, send)
            return
        state["caller"] = caller or _NOBODY
        if seconds := self._rates.take((caller and caller.token_id) or address_of(request)):
            detail = "more requests than DECAYMIX_REQUESTS_PER_SECOND allows; wait, or send fewer"
            await too_many(detail, seconds)(scope, receive, send)
            return
        is_change = scope["method"] not in _SAFE_METHODS
        is_open = scope["path"] in OPEN_PATHS or scope["path"].startswith("/static/")
        refusal: Response | None = None
        if is_change and _is_foreign(request.headers, caller):
            refusal = problem_response(403, _FOREIGN)
        elif caller is None and not is_open:
            refusal = _unknown(request)
        elif is_change and caller is not None and not is_open and not caller.may("submit"):
            refusal = problem_response(403, f"{caller.name} may read, and change nothing")
        if refusal is not None:
            await self._refuse(request, refusal, receive, send)
        else:
            await self._app(scope, receive, _audited(request, send, is_change))

    async def _refuse(
        self, request: HTTPConnection, refusal: Response, receive: Receive, send: Send
    ) -> None:
        # Not what carries nothing: a browser before its login is no attempt at anything.
        has_tried = "authorization" in request.headers or refusal.status_code == 403
        if has_tried:
            await write_down(request, refusal.status_code)
        await refusal(request.scope, receive, send)


def _caller(request: HTTPConnection, keyring: Keyring) -> Caller | None:
    if not keyring.is_locked:
        return ANYBODY
    given = token_of(request.headers.get("authorization", ""))
    if given:
        return keyring.caller_of_token(given, address_of(request))
    cookie = request.cookies.get(COOKIE)
    return keyring.caller_of_cookie(cookie) if cookie else None


def _unknown(request: HTTPConnection) -> Response:
    """A person is led to the login, a program is told what to send."""
    path = request.scope["path"]
    wants_page = "text/html" in request.headers.get("accept", "")
    if wants_page and request.scope["method"] == "GET" and not path.startswith("/v1/"):
        query = request.scope["query_string"].decode("latin-1")
        return RedirectResponse(f"/login?next={quote(f'{path}?{query}' if query else path)}", 303)
    response = problem_response(401, "send 'Authorization: Bearer TOKEN'")
    response.headers["WWW-Authenticate"] = 'Bearer realm="Decaymix"'
    return response


def _is_foreign(headers: Headers, caller: Caller | None) -> bool:
    """Whether a page of another site has a browser send this: forged, in the user's name.

    Browsers say where a change comes from, in Sec-Fetch-Site or else in Origin; other programs say
    neither. With a login's cookie one of them has to be there.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    if origin is not None:
        return urlsplit(origin).netloc != headers.get("host")
    return caller is not None and caller.by_login


def _audited(request: HTTPConnection, send: Send, is_change: bool) -> Send:
    """`send`, but the start of the answer to a change, or to somebody without the scope, waits
    until it is written down who got it.
    """

    async def send_written_down(message: Message) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            # A change has mostly written its own entry, in its own transaction.
            is_written = request.scope["state"].get("audited_status") == status
            if (is_change or status == 403) and not is_written:
                await write_down(request, status)
        await send(message)

    return send_written_down


def entry_of(request: HTTPConnection, status: int) -> audit.Happened:
    """For the audit log. A route may have said more in `state.audit_detail`."""
    scope = request.scope
    state = scope["state"]
    route = scope.get("route")
    action = getattr(route, "operation_id", None) or getattr(route, "name", None) or "refused"
    return audit.Happened(
        who=state["caller"].name,
        action=action,
        path=f"{scope['method']} {scope['path']}"[:500],
        detail=state.get("audit_detail", ""),
        address=address_of(request),
        status=status,
        request_id=state.get("request_id", ""),
    )


async def write_down(request: HTTPConnection, status: int) -> None:
    """Into the audit log, in a transaction of its own."""
    entry = entry_of(request, status)
    try:
        await run_in_threadpool(audit.write_down, request.app.state.controller.database, entry)
    except audit.AuditUnwritable as error:
        # What was asked for is done: a full disk must not turn its answer into an error.
        log.error("the audit log cannot be written", error=str(error), **entry.model_dump())


def address_of(request: HTTPConnection) -> str:
    """The other end of the connection; behind DECAYMIX_TRUSTED_PROXIES, what these say it is."""
    return request.client.host if request.client else "unknown"


def too_many(detail: str, seconds: float) -> Response:
    """429, with the seconds to wait."""
    response = problem_response(429, detail)
    response.headers["Retry-After"] = str(math.ceil(seconds))
    return response


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
