"""The whole service on a real DuckDB file, with trials that train nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from db.database import Database
from service.app import create_app
from service.settings import Settings
from service.state import Controller
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool
from tests.waiting import wait_until
from workers.pool import LocalProcess

StartService = Callable[..., AbstractContextManager[TestClient]]

SMALL_STUDY: dict[str, Any] = {
    "name": "small",
    "question": "How much arithmetic should the decay hold?",
    "sources": [
        {"name": "text", "kind": "pretrain", "files": ["text.jsonl"], "text": "{{ text }}"},
        {
            "name": "sums",
            "kind": "sft",
            "files": ["sums.jsonl"],
            "prompt": "{{ question }}",
            "response": "{{ answer }}",
        },
    ],
    "benchmarks": [
        {
            "name": "test_sums",
            "files": ["test_sums.jsonl"],
            "prompt": "{{ question }}",
            "answer": "{{ answer }}",
        },
        {"name": "held_out", "group": "text", "held_out": "text"},
    ],
    "space": {"sft_share": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]},
    "seeds": [0, 1],
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "decaymix.duckdb")
    yield database
    database.close()


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    return write_small_data(tmp_path / "data")


def write_small_data(root: Path) -> Path:
    """Three small files that SMALL_STUDY reads."""
    root.mkdir()
    texts = [f'{{"text": "Document {i} says {i * i} and then {i * i * i}."}}' for i in range(60)]
    (root / "text.jsonl").write_text("\n".join(texts))
    for name, start in (("sums", 0), ("test_sums", 1000)):
        lines = [
            f'{{"question": "What is {i} + {i + 1}?", "answer": "{2 * i + 1}"}}'
            for i in range(start, start + 50)
        ]
        (root / f"{name}.jsonl").write_text("\n".join(lines))
    return root


class SharedChild:
    """Stands for a controller's own child process: it takes a second to start, in every test."""

    def __init__(self, process: LocalProcess) -> None:
        self._process = process

    def call(self, function: str, *arguments: Any) -> Any:
        return self._process.call(function, *arguments)

    def close(self) -> None:
        """Others use it still."""


@pytest.fixture(scope="session")
def shared_child() -> Iterator[SharedChild]:
    process = LocalProcess(idle_seconds=3600)
    yield SharedChild(process)
    process.close()


@pytest.fixture
def start_service(tmp_path: Path, data_root: Path, shared_child: SharedChild) -> StartService:
    """`with start_service(runner=..., token=...) as client:` runs the service on one home."""

    @contextmanager
    def start(runner: PretendRunner | None = None, **settings: Any) -> Iterator[TestClient]:
        pool = ThreadPool(runner=runner or PretendRunner())
        configured = Settings(home=tmp_path / "home", data_roots=(data_root,), **settings)
        with TestClient(create_app(configured, pool), base_url="http://127.0.0.1") as client:
            controller_of(client).answers._process = shared_child  # type: ignore[assignment]
            yield client

    return start


@pytest.fixture
def client(start_service: StartService) -> Iterator[TestClient]:
    with start_service() as client:
        yield client


def controller_of(client: TestClient) -> Controller:
    return cast(Controller, cast(FastAPI, client.app).state.controller)


def finished_study(client: TestClient, study: dict[str, Any] | None = None) -> str:
    """Submit a study (SMALL_STUDY) and wait for its last trial; returns its id."""
    response = client.post("/v1/studies", json=study or SMALL_STUDY)
    assert response.status_code in (200, 201), response.text
    study_id: str = response.json()["id"]
    wait_until(
        lambda: client.get(f"/v1/studies/{study_id}").json()["status"]["state"] == "FINISHED"
    )
    return study_id
