"""Refuses a request body over the limit with 413, before it is held in memory."""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import problem_response


class BodyLimit:
    """ASGI middleware. Counts what comes, since Content-Length may be missing or wrong."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app, self._limit = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[Message] = []
        size = 0
        declared = HTTPConnection(scope).headers.get("content-length", "")
        is_over = declared.isdecimal() and int(declared) > self._limit
        while not is_over:
            message = await receive()
            parts.append(message)
            size += len(message.get("body", b""))
            is_over = size > self._limit
            if not message.get("more_body", False):
                break
        if is_over:
            response = problem_response(
                413, f"the body is over the limit of {self._limit} bytes (DECAYMIX_MAX_BODY_BYTES)"
            )
            await response(scope, receive, send)
            return

        async def replay() -> Message:
            return parts.pop(0) if parts else await receive()

        await self._app(scope, replay, send)
