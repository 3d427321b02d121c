"""The controller in a process of its own, asked from outside what it takes.

    python -m bench.service_load.served (real | idle | no-op)

`real` is what `./run serve` runs; `idle` has no workers; `no-op` has Ray's, which train nothing.
Settings come from the environment. A line `modules` on standard input is answered with their names.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
# How long the service may take to come up, and to go before it is killed.
_START_SECONDS, _STOP_SECONDS = 120.0, 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Running:
    """A controller that answers at `url`."""

    url: str
    process: subprocess.Popen[str]

    def cpu_seconds(self) -> float:
        """Of its process since it began, all threads, children not."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_bytes(self) -> int:
        """What it holds in memory now."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the kernel tells no VmRSS")

    def modules(self) -> set[str]:
        """What it has imported."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("modules\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("["):
                return set(json.loads(line))
        raise RuntimeError("the controller ended instead of naming its modules")


@contextmanager
def served(kind: str, home: Path, **settings: str) -> Iterator[Running]:
    """The controller on this home, ready; it is gone afterwards, and Ray with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DECAYMIX_HOME": str(home),
        "DECAYMIX_PORT": str(port),
        **settings,
    }
    home.mkdir(parents=True, exist_ok=True)
    # A line a trial, and what went wrong.
    with (home / "controller.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.service_load.served", kind],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    running = Running(f"http://127.0.0.1:{port}", process)
    try:
        _wait_for(running)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(running: Running) -> None:
    """Raises TimeoutError where the service does not come up, RuntimeError where it ends."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if running.process.poll() is not None:
            raise RuntimeError(f"the controller ended with {running.process.returncode}")
        try:
            if httpx.get(f"{running.url}/readyz", timeout=10).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"the service was not ready within {_START_SECONDS:g} s")


def _answer() -> None:
    for line in sys.stdin:
        if line.strip() == "modules":
            loaded = sorted(name for name, module in sys.modules.items() if module)
            sys.stdout.write(json.dumps(loaded) + "\n")
            sys.stdout.flush()


def main() -> None:
    threading.Thread(target=_answer, daemon=True).start()
    # Imported here: the controller is to hold what it needs and no more.
    import service.serve
    from service.settings import Settings

    settings = Settings()
    if sys.argv[1] == "idle":
        from bench.idle_pool import IdlePool

        service.serve.RayPool = lambda **_: IdlePool()  # type: ignore[assignment,misc]
    elif sys.argv[1] == "no-op":
        from bench.service_load.no_op import NoOpPool

        service.serve.RayPool = NoOpPool  # type: ignore[misc]
    service.serve.serve(settings)


if __name__ == "__main__":
    main()
