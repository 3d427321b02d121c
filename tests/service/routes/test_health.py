"""Alive and ready: what is looked at, and what is said when it fails."""

import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, StartService
from tests.service.thread_pool import ThreadPool
from tests.waiting import wait_until
from workers.pool import Node


def test_a_service_that_runs_is_alive_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"ok": True, "checks": {}}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "ok": True,
        "checks": {
            name: "ok"
            for name in ("database", "scheduler", "searcher", "webhooks", "cluster", "disk")
        },
    }


def failed_checks(client: TestClient) -> dict[str, str]:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["ok"] is False
    # Alive all the same: a restart would not help.
    assert client.get("/healthz").status_code == 200
    checks: dict[str, str] = response.json()["checks"]
    return {name: found for name, found in checks.items() if found != "ok"}


def test_without_a_core_it_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThreadPool, "cluster_resources", lambda self: {"CPU": 0.5})
    assert failed_checks(client) == {"cluster": "no CPU"}


def test_without_an_answer_of_ray_it_is_not_ready(client: TestClient) -> None:
    client.app.state.controller.pool.is_up = False  # type: ignore[attr-defined]
    assert failed_checks(client) == {"cluster": "Ray does not answer"}


def test_without_room_on_the_disk_it_is_not_ready(start_service: StartService) -> None:
    with start_service(min_free_bytes=10**18) as client:
        found = failed_checks(client)
        assert found["disk"].endswith("bytes free, DECAYMIX_MIN_FREE_BYTES is 1000000000000000000")


def test_with_a_scheduler_that_stopped_it_is_not_ready(client: TestClient) -> None:
    controller = client.app.state.controller  # type: ignore[attr-defined]
    for loop in controller.scheduler._loops:
        loop._task.get_loop().call_soon_threadsafe(loop._task.cancel)
    client.get("/healthz")
    assert failed_checks(client) == {"scheduler": "stopped"}


def test_with_a_database_that_does_not_answer_it_is_not_ready(
    start_service: StartService, tmp_path: Path
) -> None:
    with start_service() as client:
        database = client.app.state.controller.database  # type: ignore[attr-defined]
        database.close()
        # A disk that is gone: the next connection finds a folder where the file was.
        aside = tmp_path / "aside"
        shutil.move(database.path, aside)
        database.path.mkdir()
        found = failed_checks(client)
        assert "database" in found
        assert "decaymix.duckdb" in found["database"]
        # The loops meet it too, and go on once it is back.
        wait_until(lambda: set(failed_checks(client)) >= {"database", "scheduler"})
        database.path.rmdir()
        shutil.move(aside, database.path)
        wait_until(lambda: client.get("/readyz").status_code == 200)


def test_a_cluster_of_refused_machines_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Node(id="a", name="far", cpus=4.0, state="refused", reason="other code")
    monkeypatch.setattr(ThreadPool, "nodes", lambda self: [other])
    monkeypatch.setattr(ThreadPool, "num_slots", lambda self, resources: 0)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["cluster"] == "no trial goes to far: other code"
    found = client.get("/v1/cluster").json()
    assert found["state"] == "no CPU"
    assert found["nodes"][0]["reason"] == "other code"
    assert "gets no trials: other code" in client.get("/cluster").text
    refused = client.post("/v1/studies", json=SMALL_STUDY)
    assert refused.status_code == 422
    assert "no trial goes to far: other code" in refused.json()["detail"]
