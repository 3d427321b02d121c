"""The service on a real socket: uvicorn in a thread, with trials that train nothing."""

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner, Result

from service.app import create_app
from service.cli import app
from service.settings import Settings
from tests.service.conftest import SMALL_STUDY
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool
from tests.waiting import wait_until


def command_line(monkeypatch: pytest.MonkeyPatch, url: str) -> Callable[..., Result]:
    """Runs the command line against the service at `url`, on a wide terminal."""
    monkeypatch.setenv("DECAYMIX_URL", url)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), prog_name="decaymix")

    return call


class RealServer:
    """One home and one port; it can be stopped and started again."""

    def __init__(self, home: Path, data_root: Path, runner: PretendRunner, **settings: Any) -> None:
        self.home, self.data_root = home, data_root
        self._settings = Settings(home=home, data_roots=(data_root,), **settings)
        self._pool = ThreadPool(runner=runner)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(self._settings, self._pool),
                port=self._port,
                log_level="warning",
                timeout_graceful_shutdown=1,
            )
        )
        # Of a fixture that fails after this nobody calls stop: it would hold up pytest's end.
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._server.serve(),), daemon=True
        )
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def submit(self, **changes: Any) -> str:
        """A study's id: SMALL_STUDY with `changes`."""
        answer = httpx.post(f"{self.url}/v1/studies", json={**SMALL_STUDY, **changes}, timeout=240)
        assert answer.status_code == 201, answer.text
        study_id: str = answer.json()["id"]
        return study_id

    def study_ids(self) -> list[str]:
        return [study["id"] for study in httpx.get(f"{self.url}/v1/studies", timeout=60).json()]

    def wait_for_the_end(self, study_id: str) -> None:
        address = f"{self.url}/v1/studies/{study_id}"
        wait_until(lambda: httpx.get(address, timeout=60).json()["status"]["state"] == "FINISHED")
