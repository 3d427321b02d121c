"""Entity tags (RFC 9110, section 8.8): 304 for what is known already, 412 for what has changed.

A tag is `"STATE"` or, of what people write on, `"EDIT.STATE"`: EDIT changes with notes, tags and
switches alone, STATE with anything that is shown. If-None-Match compares the whole. If-Match on a
PATCH compares EDIT: a trial that ends meanwhile must not refuse a note.

A route that knows a version gives its tag by itself, and may say NotModified before it computes
anything; of all other answers the tag is a hash of their bytes.
"""

import hashlib
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Header, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mixtures.value import canonical_json, hash_text

# Of longer answers no tag is made of the bytes: their routes know a version.
_MOST_HASHED = 4_000_000
# As told to GZipMiddleware. Another encoding is another representation, with a tag of its own.
GZIP_FROM_BYTES = 1000
_ENCODINGS = ("gzip", "zstd")

IfMatch = Annotated[
    str | None,
    Header(description='the ETag that you have read: 412 where it is another now; "*" is any'),
]


class NotModified(Exception):
    """The client has it already: `tag` is the one it sent."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


class PreconditionFailed(ValueError):
    """What is to be changed is no longer what the client has seen; `tag` is of what there is."""

    def __init__(self, tag: str) -> None:
        super().__init__("it was changed meanwhile by somebody else: read it again, then write")
        self.tag = tag


class PreconditionRequired(ValueError):
    """DECAYMIX_REQUIRE_IF_MATCH asks for an If-Match that was not sent."""


def tag_of(state: Any, edit: Any = None) -> str:
    """A strong tag of what JSON can write: equal values give equal tags, of one release.

    Another release may show the same state otherwise.
    """
    parts = [] if edit is None else [hash_text(canonical_json(edit), 12)]
    return '"' + ".".join([*parts, hash_text(canonical_json([state, _release()]), 16)]) + '"'


def require_match(if_match: str | None, tag: str, is_required: bool) -> None:
    """Raises PreconditionFailed, and PreconditionRequired. Weak tags match nothing here."""
    if if_match is None:
        if is_required:
            raise PreconditionRequired(
                "send the ETag that you have read as If-Match, or If-Match: * for whatever is there"
            )
        return
    if if_match.strip() != "*" and _edit(tag) not in [_edit(one) for one in _tags(if_match)]:
        raise PreconditionFailed(tag)


def require_modified(request: Request, tag: str) -> None:
    """Raises NotModified where the client has this very state; `tag` must need no computing."""
    if (known := _known(request.headers, tag)) is not None:
        raise NotModified(known)


class ETags:
    """ASGI middleware, inside of the compression: tags answers to GET, leaves out known ones."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(("/v1/", "/openapi.json"))
        if is_api and scope["method"] == "GET":
            await self._app(scope, receive, _Tagged(Headers(scope=scope), send))
        else:
            await self._app(scope, receive, send)


class _Tagged:
    """`send` that holds the start of an answer until the first of its body is there."""

    def __init__(self, asked: Headers, send: Send) -> None:
        self._asked, self._send = asked, send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = Headers(raw=message["headers"])
            # A stream has neither an end nor a state.
            if not headers.get("content-type", "").startswith("text/event-stream"):
                self._start = message
                return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        start, self._start = self._start, None
        headers = MutableHeaders(scope=start)
        body = message.get("body", b"")
        is_whole = not message.get("more_body", False)
        tag = headers.get("etag")
        if tag is None and is_whole and len(body) <= _MOST_HASHED:
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if tag is None:
            await self._send(start)
            await self._send(message)
            return
        encoding = headers.get("content-encoding")
        is_long = len(body) >= GZIP_FROM_BYTES or not is_whole
        if encoding is None and is_long and "gzip" in self._asked.get("accept-encoding", ""):
            encoding = "gzip"
        if encoding is not None:
            tag = _encoded(tag, encoding)
        headers["ETag"] = tag
        if is_whole and tag in _tags(self._asked.get("if-none-match", "")):
            start = {**start, "status": 304}
            headers = MutableHeaders(scope=start)
            del headers["content-length"], headers["content-type"]
            message = {**message, "body": b""}
        await self._send(start)
        await self._send(message)


@cache
def _release() -> str:
    """Kept: Python looks for the package's files each time, which takes more than a millisecond."""
    return version("decaymix")


def _known(asked: Headers, tag: str) -> str | None:
    """The tag of If-None-Match that is this one, in whatever encoding."""
    ours = {tag, *(_encoded(tag, one) for one in _ENCODINGS)}
    return next((one for one in _tags(asked.get("if-none-match", "")) if one in ours), None)


def _encoded(tag: str, encoding: str) -> str:
    return f'{tag[:-1]}-{encoding}"'


def _tags(header: str) -> list[str]:
    """The tags of a list, without white space; weak ones keep their W/."""
    return [one.strip() for one in header.split(",") if one.strip()]


def _edit(tag: str) -> str:
    """What is compared by If-Match: a strong tag up to its dot."""
    plain = tag.removesuffix('"')
    for encoding in _ENCODINGS:
        plain = plain.removesuffix(f"-{encoding}")
    return plain.partition(".")[0].rstrip('"')
