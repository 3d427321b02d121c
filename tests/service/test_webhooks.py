"""Whoever wants to know is told once that a study has ended: signed, again after a failure."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import ValidationError

from db import webhooks
from service.settings import Settings
from service.webhooks import signed_headers, signing_key
from tests.service.conftest import SMALL_STUDY, StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.waiting import wait_until

SECRET = "canary-marlin"


class Receiver(ThreadingHTTPServer):
    """Remembers what came; answers from `answers`, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook?key=canary-path"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.came.append((headers, body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr("service.webhooks.TICK_SECONDS", 0.05)
    monkeypatch.setattr("service.webhooks.WAITS_SECONDS", (0.1, 0.1))
    server = Receiver()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def settings(receiver: Receiver) -> dict[str, Any]:
    return {"webhook_urls": (receiver.url,), "webhook_secret": SECRET}


def test_the_end_of_a_study_is_told_signed_and_once(
    start_service: StartService, receiver: Receiver
) -> None:
    with start_service(**settings(receiver)) as client:
        study = finished_study(client)
        wait_until(lambda: len(receiver.came) == 1)
        headers, body = receiver.came[0]
        told = json.loads(body)
        assert told["type"] == "study.finished"
        assert told["data"]["study_id"] == study
        assert told["data"]["trials"]["COMPLETE"] == 14
        assert told["data"]["path"] == f"/studies/{study}"
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
        assert told["id"] == headers["webhook-id"]
        # Extended, it ends a second time.
        client.post(f"/v1/studies/{study}/trials", json={"sft_share": 0.5, "seed": 0})
        wait_until(lambda: len(receiver.came) == 2)
        assert json.loads(receiver.came[1][1])["data"]["trials"]["COMPLETE"] == 15
        delivered = 'decaymix_webhooks{state="DELIVERED"} 2.0'
        wait_until(lambda: delivered in client.get("/metrics").text)
    # A restart tells nothing again.
    with start_service(**settings(receiver)) as client:
        other = finished_study(client, {**SMALL_STUDY, "name": "other"})
        wait_until(lambda: len(receiver.came) == 3)
        assert json.loads(receiver.came[2][1])["data"]["study_id"] == other


def test_a_study_without_a_result_has_failed(
    start_service: StartService, receiver: Receiver
) -> None:
    shares = [0.0, 0.64, *SMALL_STUDY["space"]["sft_share"]]
    runner = PretendRunner(fail={share: RuntimeError("no") for share in shares})
    with start_service(runner, **settings(receiver)) as client:
        finished_study(client)
        wait_until(lambda: len(receiver.came) == 1)
    told = json.loads(receiver.came[0][1])
    assert (told["type"], told["data"]["trials"]["FAILED"]) == ("study.failed", 14)


def test_a_failed_try_is_repeated_under_the_same_id(
    start_service: StartService, receiver: Receiver
) -> None:
    receiver.answers = [500, 302]
    with start_service(**settings(receiver)) as client:
        finished_study(client)
        wait_until(lambda: len(receiver.came) == 3)
        assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
        receiver.answers = [500, 500, 500]
        finished_study(client, {**SMALL_STUDY, "name": "other"})
        wait_until(lambda: 'webhooks{state="FAILED"} 1.0' in client.get("/metrics").text)
    assert len(receiver.came) == 6


def test_what_ended_before_anybody_asked_is_not_told(
    start_service: StartService, receiver: Receiver, tmp_path: Path
) -> None:
    with start_service() as client:
        finished_study(client)
    with start_service(**settings(receiver)) as client:
        other = finished_study(client, {**SMALL_STUDY, "name": "other"})
        wait_until(lambda: bool(receiver.came))
    assert [json.loads(body)["data"]["study_id"] for _, body in receiver.came] == [other]
    # Neither the secret nor the address, which may hold one, is kept.
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").rglob("*") if file.is_file())
    assert b"canary" not in kept


def test_what_was_written_down_is_sent_after_a_restart(
    start_service: StartService, receiver: Receiver
) -> None:
    with start_service(**settings(receiver)) as client:
        database = client.app.state.controller.database  # type: ignore[attr-defined]
    with start_service() as client:  # a controller that dies before it sends
        finished_study(client)
    with start_service(**settings(receiver)) as client:
        wait_until(lambda: len(receiver.came) == 1)
        database = client.app.state.controller.database  # type: ignore[attr-defined]
        wait_until(lambda: counts(database).get("DELIVERED") == 1)


def counts(database: Any) -> dict[str, int]:
    with database.read() as session:
        return webhooks.count_deliveries(session)


def test_the_signature_is_that_of_the_standard() -> None:
    # The example of the specification, with its key, id and time.
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_addresses_need_a_secret_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECAYMIX_WEBHOOK_URLS", "https://a.example/canary https://b.example")
    with pytest.raises(ValidationError, match="set DECAYMIX_WEBHOOK_SECRET"):
        Settings()
    monkeypatch.setenv("DECAYMIX_WEBHOOK_SECRET", SECRET)
    found = Settings()
    assert [url.get_secret_value() for url in found.webhook_urls][1] == "https://b.example"
    assert "canary" not in repr(found)
    monkeypatch.setenv("DECAYMIX_WEBHOOK_URLS", "ftp://a.example/canary")
    with pytest.raises(ValidationError, match="begin with https"):
        Settings()
