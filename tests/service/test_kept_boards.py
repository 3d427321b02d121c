"""Leaderboards as they are sent: written once, and the last one that is done at hand at once."""

import gzip
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import zstandard
from fastapi.testclient import TestClient

from db.scores import observations
from mixtures.rank import Leaderboard
from mixtures.recommendation import NotEnoughTrials
from service import answers as answers_module
from service import kept_boards as kept_boards_module
from service import study_facts as study_facts_module
from service.routes.studies import stored_study
from tests.service.conftest import StartService, controller_of, finished_study
from tests.waiting import wait_until


def finish_one_more(client: TestClient, study: str, seed: int) -> str:
    """The id of a trial that is added and completed."""
    wish = {"sft_share": 0.6, "seed": seed}
    submitted = client.post(f"/v1/studies/{study}/trials", json=wish).json()
    (trial,) = submitted["trial_ids"]
    wait_until(lambda: client.get(f"/v1/trials/{trial}").json()["state"] == "COMPLETE")
    return str(trial)


def test_a_board_is_written_once_for_each_state_of_the_scores(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, written = finished_study(client), []
    write = kept_boards_module._written
    monkeypatch.setattr(
        kept_boards_module, "_written", lambda *given: written.append(1) or write(*given)
    )
    address = f"/v1/studies/{study}/leaderboard"
    first, again = client.get(address), client.get(address)
    assert first.content == again.content
    assert len(written) == 1
    board = Leaderboard.model_validate_json(first.content)
    last = max(
        (client.get(f"/v1/trials/{trial['id']}").json() for trial in trials_of(client, study)),
        key=lambda trial: trial["finished_at"],
    )
    assert board.as_of_trial == last["id"]
    newest = finish_one_more(client, study, seed=7)
    third = client.get(address).json()
    assert len(written) == 2
    assert (third["num_trials"], third["as_of_trial"]) == (board.num_trials + 1, newest)


def trials_of(client: TestClient, study: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/v1/studies/{study}/trials").json()
    return found


@pytest.mark.parametrize(
    ("takes", "encoding", "unpack"),
    [
        ("gzip", "gzip", gzip.decompress),
        ("zstd", "zstd", zstandard.decompress),
        ("gzip, deflate, br, zstd", "zstd", zstandard.decompress),
    ],
)
def test_who_takes_it_packed_gets_the_same_bytes_packed(
    client: TestClient, takes: str, encoding: str, unpack: Callable[[bytes], bytes]
) -> None:
    address = f"/v1/studies/{finished_study(client)}/leaderboard"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", address, headers={"Accept-Encoding": takes}) as packed:
        assert packed.headers["content-encoding"] == encoding
        assert packed.headers["etag"] == f'{plain.headers["etag"][:-1]}-{encoding}"'
        assert unpack(b"".join(packed.iter_raw())) == plain.content
    known = {"If-None-Match": packed.headers["etag"]}
    assert client.get(address, headers=known).status_code == 304


def test_who_has_the_board_already_is_told_so(client: TestClient) -> None:
    study = finished_study(client)
    address = f"/v1/studies/{study}/leaderboard"
    etag = client.get(address).headers["etag"]
    same = client.get(address, headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    finish_one_more(client, study, seed=7)
    other = client.get(address, headers={"If-None-Match": etag})
    assert other.status_code == 200
    assert other.headers["etag"] != etag


class Gated:
    """A child process whose fits wait for the gate."""

    def __init__(self, process: Any, gate: threading.Event) -> None:
        self.process, self.gate, self.is_asked = process, gate, threading.Event()

    def call(self, *given: Any) -> Any:
        self.is_asked.set()
        assert self.gate.wait(60)
        return self.process.call(*given)

    def close(self) -> None:
        self.gate.set()


class NoFit:
    """A child process to which no trials are ever enough."""

    def call(self, *_: Any) -> Any:
        raise NotEnoughTrials("one more")


def test_who_does_not_wait_gets_the_last_fit_while_the_newest_is_made(client: TestClient) -> None:
    study = finished_study(client)
    address = f"/v1/studies/{study}/leaderboard"
    first = client.get(address).json()
    assert first["rows"][0]["posterior"] is not None
    answers, gate = controller_of(client).answers, threading.Event()

    answers._process = Gated(answers._process, gate)  # type: ignore[assignment]
    newest = finish_one_more(client, study, seed=7)
    # The fit stands still, and nobody is held up by it.
    for _ in range(3):
        assert client.get(address, params={"wait": False}).json() == first
    gate.set()
    wait_until(lambda: client.get(address, params={"wait": False}).json()["as_of_trial"] == newest)
    assert client.get(address, params={"wait": False}).json() == client.get(address).json()


def test_a_board_by_raw_means_is_written_once_while_its_first_fit_is_made(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_boards_module, "ANSWER_SECONDS", 0.0)
    study, controller, gate = finished_study(client), controller_of(client), threading.Event()
    controller.answers._process = Gated(controller.answers._process, gate)  # type: ignore[assignment]
    written: list[str] = []
    make = kept_boards_module._written

    def counted(*given: Any) -> Any:
        written.append(given[0].no_posterior)
        return make(*given)

    monkeypatch.setattr(kept_boards_module, "_written", counted)
    address = f"/v1/studies/{study}/leaderboard"
    asked = [{"wait": False}, {"wait": False}, {"wait": True}]
    boards = [client.get(address, params=one).json() for one in asked]
    assert "not done yet" in boards[0]["no_posterior"]
    assert boards[1:] == boards[:1] * 2
    assert len(written) == 1
    gate.set()

    def is_fitted() -> bool:
        found = client.get(address, params={"wait": False}).json()
        return found["rows"][0]["posterior"] is not None

    wait_until(is_fitted)
    assert len(written) == 2
    assert not controller.boards._raw


@pytest.mark.parametrize("what", ["recommendation", "leaderboard?objective=transfer", "pareto"])
def test_who_waits_for_a_fit_holds_no_session(client: TestClient, what: str) -> None:
    study, controller, gate = finished_study(client), controller_of(client), threading.Event()
    gated = Gated(NoFit(), gate)
    controller.answers._process = gated  # type: ignore[assignment]
    with ThreadPoolExecutor(1) as asks:
        answer = asks.submit(client.get, f"/v1/studies/{study}/{what}")
        assert gated.is_asked.wait(60)
        # The loops of the controller read now and then.
        pool = controller.database._engine.pool
        wait_until(lambda: pool.checkedout() == 0)  # type: ignore[attr-defined]
        assert not answer.done()  # it still waits: nothing else gave the session back
        gate.set()
        assert answer.result(60).status_code == 409


def test_scores_are_read_once_where_the_fit_is_late(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, controller, gate = finished_study(client), controller_of(client), threading.Event()
    controller.answers._process = Gated(controller.answers._process, gate)  # type: ignore[assignment]
    num_reads = 0

    def counted(*given: Any) -> Any:
        nonlocal num_reads
        num_reads += 1
        return observations(*given)

    for module in (answers_module, study_facts_module):
        monkeypatch.setattr(module, "observations", counted)
    monkeypatch.setattr(kept_boards_module, "ANSWER_SECONDS", 0.0)
    board = client.get(f"/v1/studies/{study}/leaderboard").json()
    assert "not done yet" in board["no_posterior"]
    assert (len(board["rows"]), num_reads) == (7, 1)
    wait_until(
        lambda: controller.facts.of(stored_study(controller, study), 0.5).facts.board.rows != ()
    )
    facts = controller.facts.of(stored_study(controller, study), 0.5).facts
    assert (facts.is_partial, len(facts.trials), num_reads) == (True, 14, 1)
    gate.set()


def test_an_extended_study_does_not_answer_from_the_fit_of_before(
    start_service: StartService,
) -> None:
    """The same scores under another spec are another answer."""
    with start_service() as client:
        study = finished_study(client)
        before = client.get(f"/v1/studies/{study}/leaderboard").json()
        client.post(f"/v1/studies/{study}/extend", json={"seeds": [2]}).raise_for_status()
        controller = controller_of(client)
        boards = controller.boards
        kept = boards._kept[(study, "own")]
        found = boards.of(stored_study(controller, study), "own", waits=False)
        assert kept.spec_hash != found.spec_hash
        assert before["num_trials"] <= found.board.num_trials


def test_boards_are_kept_within_a_number_of_bytes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_boards_module, "_MOST_BYTES", 1)
    study = finished_study(client)
    client.get(f"/v1/studies/{study}/leaderboard").raise_for_status()
    client.get(f"/v1/studies/{study}/leaderboard?objective=transfer").raise_for_status()
    assert list(controller_of(client).boards._kept) == [(study, "transfer")]


def test_pages_of_a_board_are_its_rows_in_their_order(client: TestClient) -> None:
    address = f"/v1/studies/{finished_study(client)}/leaderboard"
    whole = client.get(address).json()
    first = client.get(address, params={"limit": 4})
    rows, answer = list(first.json()["rows"]), first
    while "next" in answer.links:
        answer = client.get(answer.links["next"]["url"])
        rows += answer.json()["rows"]
    assert len(first.json()["rows"]) == 4
    assert {**first.json(), "rows": rows} == whole
    table = client.get(address, params={"limit": 4, "format": "csv"})
    assert len(table.text.splitlines()) == 5
    wrong = client.get(address, params={"after": "none"})
    assert wrong.status_code == 422
    assert "there is no such thing" in wrong.json()["detail"]
