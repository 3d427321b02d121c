"""The limit on bodies: with or without Content-Length, and never more than it in memory."""

import asyncio
import json
from typing import Any

import pytest

from service.body_limit import BodyLimit
from service.uploads import UPLOAD_PATH
from tests.service.asgi import Recorder, ask

LIMIT = 100
SCOPE: Any = {"type": "http", "path": "/v1/studies", "headers": []}


@pytest.mark.parametrize(
    "parts",
    [[], [b""], [b"x" * 100], [b"x"] * 100, [b"x" * 60, b"", b"y" * 40]],
)
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_up_to_the_limit_goes_through_unchanged(
    parts: list[bytes], is_declared: bool
) -> None:
    app = Recorder()
    whole = b"".join(parts)
    headers = {"Content-Length": str(len(whole))} if is_declared else {}
    assert ask(BodyLimit(app, LIMIT), headers=headers, parts=parts).status == 200
    assert app.bodies == [whole]
    assert len(app.messages) == 1


def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    app = Recorder()
    answer = ask(BodyLimit(app, LIMIT), headers={"Content-Length": "101"}, parts=[b"x" * 101])
    assert answer.status == 413
    assert answer.num_received == 0
    assert app.messages == []
    problem = json.loads(answer.body)
    assert problem["detail"] == (
        "(body) = '101 bytes': the body is over the limit of 100 bytes; send less, or set "
        "DECAYMIX_MAX_BODY_BYTES for the controller"
    )
    assert problem["errors"][0]["field"] == "(body)"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Transfer-Encoding": "chunked"},
        # A length that is not true, or none at all.
        {"Content-Length": "5"},
        {"Content-Length": "-1"},
        {"Content-Length": "many"},
        {"Content-Length": "²"},
    ],
)
def test_a_body_that_grows_over_the_limit_is_refused_there(headers: dict[str, str]) -> None:
    app = Recorder()
    answer = ask(BodyLimit(app, LIMIT), headers=headers, parts=[b"x" * 40] * 50)
    assert answer.status == 413
    assert answer.num_received == 3  # 40, 80, 120
    assert app.messages == []
    assert "more than 100 bytes" in json.loads(answer.body)["detail"]


def test_a_length_of_thousands_of_digits_is_over_the_limit() -> None:
    answer = ask(BodyLimit(Recorder(), LIMIT), headers={"Content-Length": "9" * 5000})
    assert answer.status == 413


def test_a_client_that_leaves_half_way_is_told_on() -> None:
    app = Recorder()
    messages: list[Any] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        pass

    asyncio.run(BodyLimit(app, LIMIT)(SCOPE, receive, send))
    assert app.messages == [{"type": "http.disconnect"}]


def test_what_comes_after_the_body_is_still_heard() -> None:
    """A stream of events listens for its client to leave."""
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            heard.append((await receive())["type"])

    messages: list[Any] = [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    asyncio.run(BodyLimit(app, LIMIT)(SCOPE, receive, receive))
    assert heard == ["http.request", "http.disconnect"]


def test_a_data_file_is_left_to_the_route_that_writes_it() -> None:
    app = Recorder()
    parts = [b"x" * 60] * 3
    assert ask(BodyLimit(app, LIMIT), UPLOAD_PATH, parts=parts).status == 200
    # Part by part, as it came.
    assert [message["body"] for message in app.messages] == parts
    assert ask(BodyLimit(app, LIMIT), UPLOAD_PATH + "/more", parts=parts).status == 413


def test_what_is_no_request_is_passed_on() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(BodyLimit(app, LIMIT)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
