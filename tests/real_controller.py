"""The controller as people run it: a process of its own, with Ray and a database of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bench.descendants import descendants
from decaymix import Client
from tests.waiting import wait_until

# Ray takes some seconds to end.
STOP_SECONDS = 60.0


class RealController:
    """One home and one port on two cores; it can be killed and started again."""

    def __init__(self, root: Path) -> None:
        self.home, self.data_root, self._log = root / "home", root / "data", root / "controller.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_root.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        self.client = Client(self.url)

    def worker_pids(self) -> list[int]:
        """The processes of our Ray actors."""
        assert self._process is not None
        started = descendants(self._process.pid)
        return [pid for pid, name in started.items() if name.startswith("ray::_Actor")]

    def environment(self, port: int) -> dict[str, str]:
        """Of a controller on this home."""
        given = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        return {
            **given,
            "DECAYMIX_HOME": str(self.home),
            "DECAYMIX_DATA_ROOTS": str(self.data_root),
            "DECAYMIX_PORT": str(port),
            "DECAYMIX_NUM_CPUS": "2",
        }

    def start(self) -> None:
        """Until it is ready. Does nothing where it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                serve_command(), env=self.environment(self.port), stdout=log, stderr=log
            )
        # Of a new process: a connection that is kept is to the old one.
        self.client = Client(self.url)
        wait_until(self._is_ready, "the controller")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        return self.client.is_ready()

    def kill(self) -> None:
        """As a power cut would: it has no time to say goodbye."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Its exit code, when told to stop; killed where it does not."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def halt(pids: Iterable[int]) -> None:
    """Whatever the processes do, they stand still until they are let go."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def let_go(pids: Iterable[int]) -> None:
    """Processes that were halted go on; one may have ended meanwhile."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def serve_command() -> list[str]:
    return [sys.executable, "-m", "service.cli", "serve"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
