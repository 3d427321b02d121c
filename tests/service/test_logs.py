"""Log lines of the whole service: as JSON with ids, as text, and never with a secret."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from service.logs import LogFormat, configure_logging
from tests.service.conftest import StartService

CANARY = "canary-swordfish"


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Logging is the whole process's: leave it as it was."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def lines_of(
    start_service: StartService, capsys: pytest.CaptureFixture[str], form: LogFormat
) -> list[str]:
    """What is logged of four requests, a library's warning and a defect."""
    configure_logging(form)
    with start_service(token=CANARY, log_format=form) as client:
        owner = {"Authorization": f"Bearer {CANARY}"}
        client.get("/v1/studies", headers={**owner, "X-Request-ID": "mine"})
        client.get(f"/v1/studies?token={CANARY}", headers={"Authorization": "Bearer canary-x"})
        client.post("/login", data={"token": CANARY})
    logging.getLogger("some.library").warning("beware of %s", "this")
    try:
        raise ValueError("a defect")
    except ValueError:
        logging.getLogger("some.server").exception("what a server says of it")
    said = capsys.readouterr().err
    assert "canary" not in said
    return said.splitlines()


def test_json_lines_have_the_request_and_its_id(
    start_service: StartService, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(start_service, capsys, "json")
    events: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert all({"timestamp", "level", "event"} <= set(event) for event in events)
    requests = [event for event in events if event["event"] == "request"]
    assert [(one["method"], one["path"], one["status"]) for one in requests] == [
        ("GET", "/v1/studies", 200),
        ("GET", "/v1/studies", 401),
        ("POST", "/login", 303),
        # Where the login leads to.
        ("GET", "/", 200),
    ]
    assert requests[0]["request_id"] == "mine"
    assert requests[0]["caller"] == "DECAYMIX_TOKEN"
    assert len({one["request_id"] for one in requests}) == 4
    (warning,) = [event for event in events if event["event"] == "beware of this"]
    assert warning["level"] == "warning"
    (error,) = [event for event in events if "a server" in event["event"]]
    assert error["exception"][0]["exc_type"] == "ValueError"


def test_text_lines_are_for_people(
    start_service: StartService, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(lines_of(start_service, capsys, "text"))
    assert "level='warning' event='beware of this'" in text
    assert "ValueError: a defect" in text
    assert "event='request'" not in text
