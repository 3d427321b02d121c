"""A controller under a supervisor that starts it again whenever it is gone."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bench.descendants import descendants
from decaymix import ApiProblem, Client, ControllerUnreachable

ROOT = Path(__file__).resolve().parent.parent
# More losses of one trial than there are kills: a kill says nothing against a trial.
MAX_ATTEMPTS = "lost=1000 out_of_memory=1000"
TOKEN = "chaos"
PATIENCE_SECONDS = 240.0
# For the trials that are left when nothing is killed any more.
FINISH_SECONDS = 900.0
T = TypeVar("T")


class Supervisor:
    """Use as a context manager. `client` is one for whoever asks from one thread."""

    def __init__(self, home: Path, lease_seconds: float = 60.0) -> None:
        self._home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
            "DECAYMIX_HOME": str(home),
            "DECAYMIX_PORT": str(port),
            "DECAYMIX_NUM_CPUS": "2",
            "DECAYMIX_LEASE_SECONDS": str(lease_seconds),
            "DECAYMIX_MAX_ATTEMPTS": MAX_ATTEMPTS,
            "DECAYMIX_REQUESTS_PER_SECOND": "100000",
            # With it tokens of less can be made.
            "DECAYMIX_TOKEN": TOKEN,
        }
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._is_ending = threading.Lock()
        # How a controller ended that was told to in good order, where that was not 0.
        self.disorderly: list[str] = []
        self._places: dict[tuple[str, int], tuple[str, int]] = {}

    def __enter__(self) -> Self:
        self._home.parent.mkdir(parents=True, exist_ok=True)
        self._log = (self._home.parent / f"{self._home.name}.log").open("ab")
        self._start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            for pid in (*self.processes(), self.pid):
                os.kill(pid, signal.SIGKILL)
        self._log.close()
        if error is not None:
            log = (self._home.parent / f"{self._home.name}.log").read_text(errors="replace")
            sys.stderr.write(log[-8000:])

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self) -> Client:
        return Client(self.url, TOKEN, retry_seconds=0)

    def patiently(self, ask: Callable[[Client], T]) -> T:
        """What `ask` gives, asked again while the controller is down."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with self.client() as client:
                    return ask(client)
            except (ControllerUnreachable, ApiProblem) as error:
                if isinstance(error, ApiProblem) and error.status < 500:
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def until_at_work(self, study_id: str) -> None:
        """Until a worker trains, in a study that has trials left: one that has moved on since this
        was asked last, because those that were killed are shown for a moment more.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status = self.patiently(lambda client: client.study(study_id)["status"])
            places = {
                (one["trial_id"], one["attempt"]): (one["phase"], one["done"])
                for one in status["running"]
            }
            has_moved = any(self._places.get(key) != place for key, place in places.items())
            self._places = places
            if has_moved:
                return
            time.sleep(0.2)
        raise TimeoutError(f"nothing trained for {PATIENCE_SECONDS} s: {status}")

    def until_finished(self, study_id: str) -> None:
        """Raises TimeoutError after FINISH_SECONDS."""
        deadline = time.monotonic() + FINISH_SECONDS
        while time.monotonic() < deadline:
            status = self.patiently(lambda client: client.study(study_id)["status"])
            if status["state"] == "FINISHED":
                return
            time.sleep(1.0)
        raise TimeoutError(f"the study did not end in {FINISH_SECONDS:g} s: {status['trials']}")

    def until_it_runs(self) -> None:
        """Until there is a process that can be killed: it may have been killed a moment ago."""
        while self._process.poll() is not None:
            time.sleep(0.05)

    def processes(self) -> dict[int, str]:
        """Command lines of the controller's descendants."""
        return descendants(self.pid)

    def end_in_order(self) -> None:
        """SIGTERM, and the next start."""
        with self._is_ending:
            self._process.send_signal(signal.SIGTERM)
            try:
                code = self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.disorderly.append("a controller did not end at SIGTERM")
                self._process.kill()
                self._process.wait()
            else:
                if code != 0:
                    self.disorderly.append(f"a controller ended with {code} at SIGTERM")
            self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve"],
            env=self._environment,
            cwd=ROOT,
            stdout=self._log,
            stderr=self._log,
        )

    def _supervise(self) -> None:
        while not self._is_over.wait(0.2):
            with self._is_ending:
                if self._process.poll() is not None:
                    self._start()
