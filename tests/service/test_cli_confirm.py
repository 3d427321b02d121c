"""`confirm` and `confirmation`: asked and read on the command line."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from decaymix import Client
from service import cli_confirm
from tests.service.conftest import write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer, command_line


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    root = tmp_path_factory.mktemp("confirm")
    server = RealServer(root / "home", write_small_data(root / "data"), PretendRunner())
    server.start()
    for name, seeds in (("small", [0, 1]), ("twin", [4])):
        server.wait_for_the_end(server.submit(name=name, seeds=seeds))
    yield server
    server.stop()


@pytest.fixture
def run(server: RealServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    return command_line(monkeypatch, server.url)


def test_a_confirmation_is_asked_watched_and_read(run: Any, server: RealServer) -> None:
    none = run("confirmation", "small")
    assert none.exit_code == 2
    assert "nobody has asked for a confirmation" in none.stderr

    asked = run("confirm", "small", "--seeds", "3", "--from", "twin")
    assert asked.exit_code == 0, asked.stderr
    # Seeds 0, 1 and 4 are used.
    assert "with seeds 5 to 7" in asked.stdout
    assert " (small-confirmation): " in asked.stdout
    assert "not told apart" not in asked.stdout
    assert "page: http" in asked.stdout and "/recommendation" in asked.stdout
    with Client(server.url) as client:
        server.wait_for_the_end(client.study_id("small-confirmation"))
        found = client.confirmation(client.study_id("small"))
    assert any("from-twin" in one["names"] for one in found["mixtures"])

    told = run("confirmation", "small")
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith(found["sentence"])
    lead = next(one for one in found["differences"] if "pretrain_only" in one["other"])
    row = next(one for one in told.stdout.splitlines() if f"{lead['difference']:.4f} (" in one)
    assert "pretrain_only" in row and "better" in row and f"{lead['p_holm']:.4f}" in row
    for note in found["notes"]:
        assert f"- {note}" in told.stdout
    as_json = run("confirmation", "small-confirmation", "--json")
    assert json.loads(as_json.stdout) == found


def test_the_command_waits_for_the_fit(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_confirm, "_PAUSE_SECONDS", 0.0)
    answers: list[Any] = [503, 503, {"id": "x"}]

    def confirm_study(*_: Any, **wish: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, int):
            raise cli_confirm.ApiProblem(answer, "not done yet; it goes on, ask again")
        return {**answer, **wish}

    monkeypatch.setattr(Client, "confirm_study", confirm_study)
    done = run("confirm", "small", "--mixture", "t1", "--json")
    assert json.loads(done.stdout) == {"id": "x", "num_seeds": 8, "trials": ["t1"], "studies": []}
    answers[:] = [409]
    assert run("confirm", "small").exit_code == 2
