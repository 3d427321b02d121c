"""The client: one call a route, problems as exceptions, and whoever else may answer."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from service.client import ApiProblem, BadAddress, Client, ControllerUnreachable

Answer = tuple[int, str, bytes]


class Scripted(ThreadingHTTPServer):
    """Answers from a queue and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, kind, answer = self.server.answers.pop(0)
        self.send_response(status)
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
    with pytest.raises(ApiProblem) as caught:
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


def test_watching_goes_on_through_a_restart_and_ends_with_the_study() -> None:
    class Restarting(Client):
        answers: Iterator[Any] = iter(
            ["RUNNING", ControllerUnreachable("it restarts"), "RUNNING", "FINISHED", "RUNNING"]
        )

        def study(self, study: str) -> dict[str, Any]:
            answer = next(self.answers)
            if isinstance(answer, Exception):
                raise answer
            return {"status": {"state": answer}}

    with Restarting("http://127.0.0.1:9") as client:
        states = [status["state"] for status in client.watch("abc", seconds=0.001)]
    assert states == ["RUNNING", "RUNNING", "FINISHED"]
