"""Trials exported from one home and taken into another: all is the same, nothing is run twice."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.service.conftest import SMALL_STUDY, SharedChild, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool
from tests.waiting import wait_until

CSV = {"Content-Type": "text/csv"}


@contextmanager
def home(
    path: Path, data_root: Path, runner: PretendRunner, child: SharedChild
) -> Iterator[TestClient]:
    settings = Settings(home=path, data_roots=(data_root,))
    app = create_app(settings, ThreadPool(runner=runner))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        app.state.controller.answers._process = child
        yield client


def take_in(client: TestClient, study_id: str, text: str) -> Any:
    path = f"/v1/studies/{study_id}/finished-trials"
    return client.post(path, content=text.encode(), headers=CSV)


def leaderboard(client: TestClient, study_id: str) -> bytes:
    answer = client.get(f"/v1/studies/{study_id}/leaderboard")
    assert answer.status_code == 200
    return answer.content


def test_a_study_begun_again_runs_only_what_is_missing(
    tmp_path: Path, data_root: Path, shared_child: SharedChild
) -> None:
    with home(tmp_path / "one", data_root, PretendRunner(), shared_child) as client:
        study_id = finished_study(client)
        text = client.get(f"/v1/studies/{study_id}/trials.csv").text
        first_id = client.get(f"/v1/studies/{study_id}/trials").json()[0]["id"]
        client.patch(f"/v1/trials/{first_id}", json={"note": "odd", "tags": ["seen"]})
        with_note = client.get(f"/v1/studies/{study_id}/trials.csv").text
        board = leaderboard(client, study_id)
    assert '"mean":' in board.decode() and '"posterior":{' in board.decode()
    lines = with_note.splitlines(keepends=True)
    # As it stood when nine of them had finished.
    part = "".join([*lines[:10], *(line.replace(",COMPLETE,", ",RUNNING,") for line in lines[10:])])

    runner = PretendRunner()
    with home(tmp_path / "two", data_root, runner, shared_child) as client:
        answer = client.post("/v1/studies?is_paused=true", json=SMALL_STUDY)
        assert answer.json()["id"] == study_id
        for num_new in (9, 0):
            taken = take_in(client, study_id, part)
            assert taken.status_code == 200, taken.text
            assert taken.json() == {"num_finished": 9, "num_new": num_new}
        assert runner.attempts == []
        client.patch(f"/v1/studies/{study_id}", json={"is_paused": False})
        url = f"/v1/studies/{study_id}"
        wait_until(lambda: client.get(url).json()["status"]["state"] == "FINISHED")
        assert len(runner.attempts) == len(lines) - 1 - 9
        assert leaderboard(client, study_id) == board
        found = client.get(f"/v1/trials/{first_id}").json()
        assert (found["note"], found["tags"]) == ("odd", ["seen"])
        # The exported table is that of the first home, but for where and when the rest was run.
        again = client.get(f"/v1/studies/{study_id}/trials.csv").text
        assert again.splitlines()[:10] == with_note.splitlines()[:10]

        # What stands here is not overwritten by a table that says something else.
        rows = list(csv.reader(io.StringIO(text)))
        column = rows[0].index("score:test_sums:bits_per_byte")
        rows[3][column] = "1.5"
        other = io.StringIO()
        csv.writer(other).writerows(rows)
        refused = take_in(client, study_id, other.getvalue())
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith("line 4.score:test_sums:bits_per_byte: 1.5")
        assert leaderboard(client, study_id) == board


def test_a_row_of_another_study_is_refused_and_nothing_of_the_table_is_kept(
    client: TestClient,
) -> None:
    study_id = finished_study(client)
    lines = client.get(f"/v1/studies/{study_id}/trials.csv").text.splitlines(keepends=True)
    twin = {**SMALL_STUDY, "question": "The same?"}
    other = client.post("/v1/studies?is_paused=true", json=twin).json()
    text = "".join(lines)
    refused = take_in(client, other["id"], text)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "line 2.trial_id"
    assert "of another study, or of other data" in error["message"]
    status = client.get(f"/v1/studies/{other['id']}").json()["status"]
    assert status["trials"]["COMPLETE"] == 0
    assert take_in(client, "none", text).status_code == 404


@pytest.mark.parametrize("body", [b"\xff", b""])
def test_what_is_no_table_is_refused(client: TestClient, body: bytes) -> None:
    study_id = client.post("/v1/studies?is_paused=true", json=SMALL_STUDY).json()["id"]
    path = f"/v1/studies/{study_id}/finished-trials"
    assert client.post(path, content=body, headers=CSV).status_code == 422
    assert (
        client.post(path, content=b"{}", headers={"Content-Type": "text/html"}).status_code == 415
    )
