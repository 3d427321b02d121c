"""The client: one call a route, problems as exceptions, and whoever else may answer."""

import asyncio
import inspect
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from decaymix import ApiProblem, AsyncClient, BadAddress, Client, ControllerUnreachable
from decaymix.calls import Calls
from decaymix.exchange import WaitingExchange

ROOT = Path(__file__).resolve().parents[2]
Answer = tuple[int, str, bytes]
# The connection ends with no answer.
DROPPED: Answer = (0, "", b"")


class Scripted(ThreadingHTTPServer):
    """Answers from a queue and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.retry_after = ""
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, kind, answer = self.server.answers.pop(0)
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET
    do_PATCH = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Scripted]:
    server = Scripted()
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server: Scripted) -> Iterator[Client]:
    with Client(server.url + "/", token="swordfish") as client:
        yield client


def as_json(data: Any, status: int = 200) -> Answer:
    return status, "application/json", json.dumps(data).encode()


STATUS = {"id": "abc", "state": "RUNNING"}


@pytest.mark.parametrize(
    ("call", "method", "path", "answer"),
    [
        (lambda c: c.studies(), "GET", "/v1/studies", [STATUS]),
        (lambda c: c.study("abc"), "GET", "/v1/studies/abc", STATUS),
        (lambda c: c.trials("abc"), "GET", "/v1/studies/abc/trials", []),
        (lambda c: c.trial("t1"), "GET", "/v1/trials/t1", STATUS),
        (lambda c: c.cancel("t1"), "POST", "/v1/trials/t1/cancel", STATUS),
        (lambda c: c.retry("t1"), "POST", "/v1/trials/t1/retry", STATUS),
        (lambda c: c.studies(archived="all"), "GET", "/v1/studies?archived=all", [STATUS]),
        (lambda c: c.change_study("abc", note="x"), "PATCH", "/v1/studies/abc", STATUS),
        (lambda c: c.extend_study("abc", seeds=[2]), "POST", "/v1/studies/abc/extend", STATUS),
        (lambda c: c.repeat("t1", 3), "POST", "/v1/trials/t1/repeat", STATUS),
        (lambda c: c.change_trial("t1", note="x"), "PATCH", "/v1/trials/t1", STATUS),
        (
            lambda c: c.trial_page("abc", 5, q="odd"),
            "GET",
            "/v1/studies/abc/trials?limit=5&q=odd",
            STATUS,
        ),
        (lambda c: c.leaderboard("abc"), "GET", "/v1/studies/abc/leaderboard", STATUS),
        (lambda c: c.recommendation("abc"), "GET", "/v1/studies/abc/recommendation", STATUS),
        (lambda c: c.confirm_study("abc"), "POST", "/v1/studies/abc/confirmation", STATUS),
        (lambda c: c.confirmation("abc"), "GET", "/v1/studies/abc/confirmation", STATUS),
        # Whatever a name holds, it is one part of the path.
        (lambda c: c.trial("a/b?c#d"), "GET", "/v1/trials/a%2Fb%3Fc%23d", STATUS),
        (lambda c: c.cancel("../studies"), "POST", "/v1/trials/..%2Fstudies/cancel", STATUS),
        (lambda c: c.retry(""), "POST", "/v1/trials/-/retry", STATUS),
    ],
)
def test_a_call_is_a_route_and_carries_the_token(
    server: Scripted, client: Client, call: Any, method: str, path: str, answer: Any
) -> None:
    server.answers = [as_json(answer)]
    assert call(client) == answer
    ((asked_method, asked_path, headers, _),) = server.asked
    assert (asked_method, asked_path) == (method, path)
    assert headers["Authorization"] == "Bearer swordfish"


@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_a_study_is_sent_as_it_is_written(server: Scripted, client: Client, kind: Any) -> None:
    server.answers = [as_json(STATUS, 201)]
    assert client.submit_study("name: größe # as written\n", kind) == STATUS
    _, path, headers, body = server.asked[0]
    assert path == "/v1/studies"
    assert headers["Content-Type"] == f"application/{kind}"
    assert body.decode() == "name: größe # as written\n"


def test_text_comes_back_as_text(server: Scripted, client: Client) -> None:
    server.answers = [(200, "text/csv", b"rank\n1\n"), (200, "application/yaml", b"mixture: {}\n")]
    assert client.leaderboard_csv("abc") == "rank\n1\n"
    assert client.export("abc") == "mixture: {}\n"
    assert server.asked[0][1].endswith("?format=csv")
    assert server.asked[1][1].endswith("?format=yaml")


def test_a_study_is_found_by_id_or_by_the_newest_of_its_name(
    server: Scripted, client: Client
) -> None:
    listed = [{"id": "new", "name": "demo"}, {"id": "old", "name": "demo"}]
    server.answers = [as_json(listed)] * 3
    assert client.study_id("demo") == "new"
    assert client.study_id("old") == "old"
    with pytest.raises(ApiProblem, match="no study with the name or id 'demo-2'") as caught:
        client.study_id("demo-2")
    assert caught.value.status == 404


def test_a_problem_is_raised_in_its_own_words(server: Scripted, client: Client) -> None:
    problem = {"type": "about:blank", "status": 422, "detail": "seeds.0 = -1: too small"}
    server.answers = [(422, "application/problem+json", json.dumps(problem).encode())]
    with pytest.raises(ApiProblem) as caught:
        client.submit_study("seeds: [-1]")
    assert (caught.value.status, str(caught.value)) == (422, "seeds.0 = -1: too small")


def test_another_servers_error_is_shown_in_brief(server: Scripted, client: Client) -> None:
    server.answers = [(502, "text/html", b"<h1>Bad Gateway</h1>" * 100)]
    with Client(server.url, retry_seconds=0) as client, pytest.raises(ApiProblem) as caught:
        client.studies()
    assert caught.value.status == 502
    assert str(caught.value).startswith("502 Bad Gateway: <h1>Bad Gateway</h1>")
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("body", [b"<html>a router's page</html>", b"[1, 2]", b'"text"', b""])
def test_another_servers_page_is_no_answer(server: Scripted, client: Client, body: bytes) -> None:
    server.answers = [(200, "text/html", body)]
    with pytest.raises(
        ControllerUnreachable, match=f"what answers at {server.url}/ is no Decaymix"
    ):
        client.study("abc")


def test_nobody_at_the_address_is_said_with_what_to_do() -> None:
    with Client("http://127.0.0.1:9") as client:
        assert not client.is_ready()
        with pytest.raises(ControllerUnreachable) as caught:
            client.studies()
    assert "no controller answers at http://127.0.0.1:9" in str(caught.value)
    assert "./run serve" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8765", "127.0.0.1:8765", "ftp://x", "http://", "http://[::1", "http://x:y"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadAddress, match="expected http://host:port"):
        Client(url)


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (503, False), (401, False)])
def test_ready_is_200_alone(server: Scripted, client: Client, status: int, is_ready: bool) -> None:
    server.answers = [as_json({}, status)]
    assert client.is_ready() is is_ready


def test_watching_goes_on_through_a_restart_and_ends_with_the_study(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: Iterator[Any] = iter(
        ["RUNNING", ControllerUnreachable("it restarts"), "RUNNING", "FINISHED", "RUNNING"]
    )

    async def study(study: str) -> dict[str, Any]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return {"status": {"state": answer}}

    monkeypatch.setattr(client._calls, "study", study)
    states = [status["state"] for status in client.watch("abc", seconds=0.001)]
    assert states == ["RUNNING", "RUNNING", "FINISHED"]


def test_both_clients_have_every_call() -> None:
    calls = {name for name in dir(Calls) if not name.startswith("_")}
    assert len(calls) > 35
    assert calls <= set(dir(AsyncClient))
    assert calls == {name for name in dir(Client) if not name.startswith("_")}
    for name in calls - {"url"}:
        call = getattr(Calls, name)
        assert inspect.getdoc(call), name
        assert inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call), name
        assert inspect.signature(getattr(Client, name)) == inspect.signature(call), name


def test_the_async_client_gives_the_same_answers(server: Scripted) -> None:
    pages = [{"trials": [{"id": "a"}], "next_after": "x"}, {"trials": [], "next_after": None}]
    server.answers = [as_json([STATUS]), (503, "text/plain", b"busy"), *map(as_json, pages)]

    async def ask() -> list[Any]:
        async with AsyncClient(server.url, "swordfish") as client:
            studies = await client.studies()
            return [studies, [trial async for trial in client.each_trial("abc", q="odd")]]

    assert asyncio.run(ask()) == [[STATUS], [{"id": "a"}]]
    assert [path for _, path, _, _ in server.asked] == [
        "/v1/studies",
        *["/v1/studies/abc/trials?limit=1000&q=odd"] * 2,
        "/v1/studies/abc/trials?limit=1000&q=odd&after=x",
    ]


@pytest.mark.parametrize("passing", [DROPPED, (429, "", b""), (502, "", b""), (503, "", b"")])
def test_what_fails_in_passing_is_sent_again_under_the_same_key(
    server: Scripted, client: Client, passing: Answer
) -> None:
    server.answers = [passing, passing, as_json({"trial_ids": [], "num_new": 0})]
    client.submit_trials("abc", {"sft_share": 0.5})
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in server.asked]
    assert len(keys) == 3 and len(set(keys)) == 1
    server.answers = [as_json({"trial_ids": [], "num_new": 0})]
    client.submit_trials("abc", {"sft_share": 0.5})
    assert server.asked[-1][2]["Idempotency-Key"] not in keys


def test_a_token_is_never_asked_for_twice_and_a_refusal_is_final(
    server: Scripted, client: Client
) -> None:
    for passing in (DROPPED, (503, "text/plain", b"busy")):
        server.answers = [passing]
        with pytest.raises((ApiProblem, ControllerUnreachable)):
            client.create_token("ann", ["read"], None)
    for status in (400, 401, 404, 409, 412, 422, 500):
        server.answers = [(status, "text/plain", b"no")]
        with pytest.raises(ApiProblem) as caught:
            client.retry("t1")
        assert caught.value.status == status
    assert len(server.asked) == 2 + 7


def test_a_wait_that_is_told_is_kept_and_no_longer_than_one_will(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(self: Any, seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(WaitingExchange, "sleep", sleep)
    server.retry_after = "7"
    busy = (429, "text/plain", b"busy")
    with Client(server.url) as client:
        server.answers = [busy, busy, as_json([])]
        assert client.studies() == []
    assert len(waits) == 2
    assert all(7 <= wait <= 12 for wait in waits)
    with Client(server.url, retry_seconds=5) as client:
        server.answers = [busy]
        with pytest.raises(ApiProblem) as caught:
            client.studies()
    assert (caught.value.status, caught.value.retry_after) == (429, 7.0)
    with Client(server.url, retry_seconds=0) as client:
        server.answers = [busy]
        with pytest.raises(ApiProblem):
            client.studies()
    assert len(waits) == 2


def test_a_controller_that_was_there_is_waited_for(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(self: Any, seconds: float) -> None:
        waits.append(seconds)
        time.sleep(0.05)

    monkeypatch.setattr(WaitingExchange, "sleep", sleep)
    with Client(server.url, retry_seconds=3) as client:
        server.answers = [as_json([])]
        client.studies()
        url = client._calls._exchange.url
        client._calls._exchange._http.base_url = "http://127.0.0.1:9"  # type: ignore[attr-defined]
        with pytest.raises(ControllerUnreachable, match=f"no controller answers at {url}"):
            client.studies()
    assert len(waits) > 3


def test_a_controller_that_is_slow_is_not_said_to_be_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(url, retry_seconds=0) as client:
            client._calls._exchange._http.timeout = 0.05  # type: ignore[attr-defined]
            with pytest.raises(ControllerUnreachable, match=f"the controller at {url} has not ans"):
                client.studies()


def test_very_many_wishes_go_in_chunks_and_each_has_its_result(
    server: Scripted, client: Client
) -> None:
    def answer(num: int) -> Answer:
        return as_json(
            {"results": [{"num_new": n, "trial_ids": [], "errors": []} for n in range(num)]}
        )

    server.answers = [answer(2), answer(2), answer(1)]
    wishes = ({"sft_share": share / 10} for share in range(5))
    results = client.submit_batch("abc", wishes, chunk=2)
    assert next(results)["num_new"] == 0
    # Nothing is sent before it is wanted.
    assert len(server.asked) == 1
    assert [one["num_new"] for one in results] == [1, 0, 1, 0]
    assert [len(json.loads(body)) for *_, body in server.asked] == [2, 2, 1]
    assert {path for _, path, _, _ in server.asked} == {"/v1/studies/abc/trials?all_or_none=false"}
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in server.asked}) == 3


def test_a_problem_has_its_errors(server: Scripted, client: Client) -> None:
    errors = [{"pointer": "/seeds/0", "field": "seeds.0", "value": -1, "message": "too small"}]
    told = {"status": 422, "detail": "no", "errors": errors}
    server.answers = [(422, "application/problem+json", json.dumps(told).encode())]
    with pytest.raises(ApiProblem) as caught:
        client.extend_study("abc", seeds=[-1])
    assert caught.value.errors == errors


def test_the_client_needs_nothing_of_ours() -> None:
    code = "import sys, decaymix; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert "decaymix" in loaded
    for name in ("service", "mixtures", "db", "workers", "ray", "torch", "fastapi", "pydantic"):
        assert f"'{name}'" not in loaded, name
