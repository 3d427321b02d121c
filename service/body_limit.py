"""Refuses a request body over the limit with 413, before it is held in memory."""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import FieldError, problem_response, sentence
from service.uploads import UPLOAD_PATH


class BodyLimit:
    """ASGI middleware. Counts what comes, since Content-Length may be missing or wrong."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app, self._limit = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A data file is counted and written as it comes, by the route itself.
        is_upload = scope["type"] == "http" and scope["path"].rstrip("/") == UPLOAD_PATH
        if scope["type"] != "http" or is_upload:
            await self._app(scope, receive, send)
            return
        # One buffer, not a list of parts: a body may come byte by byte.
        body = bytearray()
        message: Message = {"type": "http.request", "more_body": True}
        declared = HTTPConnection(scope).headers.get("content-length", "")[:20]
        is_over = declared.isascii() and declared.isdecimal() and int(declared) > self._limit
        given = f"{declared} bytes" if is_over else f"more than {self._limit} bytes"
        while not is_over and message.get("more_body", False):
            message = await receive()
            body += message.get("body", b"")
            is_over = len(body) > self._limit
        if is_over:
            error = FieldError(
                pointer="/",
                field="(body)",
                value=given,
                message=f"the body is over the limit of {self._limit} bytes; send less, or set "
                "DECAYMIX_MAX_BODY_BYTES for the controller",
            )
            response = problem_response(413, sentence([error]), [error])
            await response(scope, receive, send)
            return
        if message["type"] != "http.disconnect":
            message = {"type": "http.request", "body": bytes(body), "more_body": False}
        pending = [message]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)
