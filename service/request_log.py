"""Around every request: its id, how long it took, how it ended.

The id is the client's `X-Request-ID` where it sends a plain one, and comes back in the answer, in
every log line and in the audit log.
"""

import re
import secrets
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics

log = structlog.get_logger()

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestLog:
    """ASGI middleware. `logs_all` writes a line a request; the metrics count them either way."""

    def __init__(self, app: ASGIApp, metrics: Metrics, logs_all: bool) -> None:
        self._app, self._metrics, self._logs_all = app, metrics, logs_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = HTTPConnection(scope).headers.get("x-request-id", "")
        request_id = given if _PLAIN.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        # Never unbound: each request has a context of its own, which ends with it.
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status, is_stream = time.perf_counter(), 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                is_stream = headers.get("content-type", "").startswith("text/event-stream")
                self._metrics.sse_clients.inc(is_stream)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.sse_clients.dec(is_stream)
            # The route's own path, not the one asked for: ids would make a series each.
            route = getattr(scope.get("route"), "path", "none")
            if not is_stream:
                self._metrics.request_seconds.labels(scope["method"], route).observe(seconds)
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            if self._logs_all:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=round(seconds, 4),
                    caller=getattr(scope["state"].get("caller"), "name", "nobody"),
                )
