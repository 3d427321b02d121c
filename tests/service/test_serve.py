"""Starting and stopping the controller; tests/test_end_to_end.py does both with real Ray."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

# `serve` in this process would keep it from the tests that come later.
import pandas  # noqa: F401
import pytest
from typer.testing import CliRunner

from db.database import Database
from service.cli import app

ROOT = Path(__file__).resolve().parents[2]

# The real `serve`, but for Ray.
SERVE = """
import service.serve
from service.settings import Settings
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool
service.serve.RayPool = lambda **_: ThreadPool(runner=PretendRunner())
service.serve.serve(Settings(port=0))
"""
# The same whose Ray does not start, and only says so after a while.
BROKEN = SERVE.replace(
    "service.serve.serve",
    """
import asyncio
async def start(self):
    await asyncio.sleep(1)
    raise RuntimeError("no Ray here")
ThreadPool.start = start
service.serve.serve""",
)


def start(home: Path, code: str = SERVE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"DECAYMIX_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


def test_it_says_where_it_listens_keeps_its_home_and_stops_in_good_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    controller = start(home)
    try:
        assert controller.stdout is not None
        said = controller.stdout.readline()
        # Port 0 is any free one; what is said is the one that was found.
        match = re.search(r"listens on (http://127\.0\.0\.1:[1-9]\d+) \(home (.*)\)", said)
        assert match, said
        url, named = match.groups()
        assert named == str(home)
        # What is said is true: it answers.
        assert is_alive(url)
        assert httpx.get(f"{url}/v1/studies", timeout=60).json() == []
        # It has asked the database by now, which would load pandas where it could.
        mapped = Path(f"/proc/{controller.pid}/maps").read_text()
        assert "duckdb" in mapped
        heavy = ("pandas", "pyarrow", "torch", "lightgbm", "sklearn", "scipy")
        assert [name for name in heavy if f"/{name}/" in mapped] == []

        # A second one on the same home is refused in one sentence, before it starts anything.
        monkeypatch.setenv("DECAYMIX_HOME", str(home))
        monkeypatch.setenv("DECAYMIX_PORT", "0")
        second = CliRunner().invoke(app, ["serve"])
        assert second.exit_code == 1
        assert second.stdout == ""
        assert "open in another process" in second.stderr
        assert "set another DECAYMIX_HOME" in second.stderr
        assert len(second.stderr.strip().splitlines()) == 1

        started = time.monotonic()
        controller.send_signal(signal.SIGINT)
        _, errors = controller.communicate(timeout=120)
    finally:
        controller.kill()
    assert controller.returncode == 0, errors
    assert "Traceback" not in errors
    assert time.monotonic() - started < 10
    # The database was let go.
    Database(home / "decaymix.duckdb").close()


def test_items_can_be_read_where_there_is_to_be_no_pandas() -> None:
    read = """
import sys, tempfile, service.serve
service.serve._do_without_pandas()
from pathlib import Path
from mixtures.item import ItemScore
from workers.item_files import read_items, write_item_scores
item = ItemScore(benchmark="sums", item=0, nats=3.0, answer_bytes=2, chosen=0, is_right=False)
with tempfile.TemporaryDirectory() as home:
    write_item_scores(Path(home), "trial", [item], "texts")
    print(read_items(Path(home), "trial"))
assert "pandas" not in sys.modules
"""
    found = subprocess.run([sys.executable, "-c", read], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert "nats=3.0" in found.stdout


def test_a_controller_that_cannot_start_never_says_that_it_listens(tmp_path: Path) -> None:
    controller = start(tmp_path / "home", BROKEN)
    said, errors = controller.communicate(timeout=120)
    assert controller.returncode == 1
    assert said == ""
    assert "no Ray here" in errors
    assert "StartFailed" in errors


def test_off_loopback_it_refuses_to_start_without_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOME": str(tmp_path), "PORT": "0", "HOST": "0.0.0.0"}.items():
        monkeypatch.setenv(f"DECAYMIX_{name}", value)
    refused = CliRunner().invoke(app, ["serve"])
    assert refused.exit_code == 2
    assert "DECAYMIX_HOST is 0.0.0.0, which others can reach: make a token" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("127.0.0.1:1", 1, "RAY_ADDRESS is 127.0.0.1:1, and nothing answers there after 0 s"),
        ("ray://head:10001", 2, "RAY_ADDRESS is 'ray://head:10001'; expected HOST:PORT"),
    ],
)
def test_a_head_that_is_not_there_is_one_sentence(
    tmp_path: Path, address: str, code: int, words: str
) -> None:
    impatient = """
import workers.head_watch
from service.cli import app
workers.head_watch.WAIT_SECONDS = 0.0
app(["serve"])
"""
    settings = {"DECAYMIX_HOME": str(tmp_path), "DECAYMIX_PORT": "0", "RAY_ADDRESS": address}
    refused = subprocess.run(
        [sys.executable, "-c", impatient],
        cwd=ROOT,
        env={**settings, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == code, refused.stderr
    assert refused.stdout == ""
    assert words in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    # The database was let go.
    Database(tmp_path / "decaymix.duckdb").close()
