"""Leaderboards as they are sent: written once, and the last one that is done at hand at once."""

import gzip
import threading
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mixtures.rank import Leaderboard
from service import kept_boards as kept_boards_module
from service.kept_boards import KeptBoards
from tests.service.conftest import StartService, finished_study, wait_until


def boards_of(client: TestClient) -> KeptBoards:
    boards: KeptBoards = cast(FastAPI, client.app).state.controller.boards
    return boards


def stored(client: TestClient, study: str) -> Any:
    from service.routes.studies import stored_study

    return stored_study(cast(FastAPI, client.app).state.controller, study)


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


def test_who_takes_it_packed_gets_the_same_bytes_packed(client: TestClient) -> None:
    address = f"/v1/studies/{finished_study(client)}/leaderboard"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content


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


def test_who_does_not_wait_gets_the_last_fit_while_the_newest_is_made(client: TestClient) -> None:
    study = finished_study(client)
    address = f"/v1/studies/{study}/leaderboard"
    first = client.get(address).json()
    assert first["rows"][0]["posterior"] is not None
    answers, gate = cast(FastAPI, client.app).state.controller.answers, threading.Event()

    class Gated:
        def __init__(self, process: Any) -> None:
            self.process = process

        def call(self, *given: Any) -> Any:
            assert gate.wait(60)
            return self.process.call(*given)

        def close(self) -> None:
            gate.set()

    answers._process = Gated(answers._process)
    newest = finish_one_more(client, study, seed=7)
    # The fit stands still, and nobody is held up by it.
    for _ in range(3):
        assert client.get(address, params={"wait": False}).json() == first
    gate.set()
    wait_until(lambda: client.get(address, params={"wait": False}).json()["as_of_trial"] == newest)
    assert client.get(address, params={"wait": False}).json() == client.get(address).json()


def test_an_extended_study_does_not_answer_from_the_fit_of_before(
    start_service: StartService,
) -> None:
    """The same scores under another spec are another answer."""
    with start_service() as client:
        study = finished_study(client)
        before = client.get(f"/v1/studies/{study}/leaderboard").json()
        client.post(f"/v1/studies/{study}/extend", json={"seeds": [2]}).raise_for_status()
        boards = boards_of(client)
        kept = boards._kept[(study, "own")]
        found = boards.of(stored(client, study), "own", waits=False)
        assert kept.spec_hash != found.spec_hash
        assert before["num_trials"] <= found.board.num_trials


def test_boards_are_kept_within_a_number_of_bytes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_boards_module, "_MOST_BYTES", 1)
    study = finished_study(client)
    client.get(f"/v1/studies/{study}/leaderboard").raise_for_status()
    client.get(f"/v1/studies/{study}/leaderboard?objective=transfer").raise_for_status()
    assert list(boards_of(client)._kept) == [(study, "transfer")]


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
