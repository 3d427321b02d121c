"""The demo where it cannot go on; tests/test_readme.py runs it to its end."""

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from service.demo import DemoFailed, _run_study, _stop, _wait_until_ready, demo
from service.port import listen
from service.settings import Settings

QUIET = Console(file=io.StringIO(), width=200)


class Stub:
    """A client with canned answers."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.submitted = ""

    def is_ready(self) -> bool:
        return bool(self.answers.get("ready"))

    def submit_study(self, text: str) -> dict[str, Any]:
        self.submitted = text
        return {"id": "abc", "question": "How much?"}

    def watch(self, study: str) -> Iterator[dict[str, Any]]:
        yield from ()

    def trials(self, study: str) -> Any:
        return self.answers["trials"]

    def leaderboard(self, study: str) -> Any:
        return {
            "metric": "bits_per_byte",
            "direction": "minimise",
            "num_trials": 0,
            "notes": [],
            "rows": [],
        }

    def recommendation(self, study: str) -> Any:
        return {
            "sentence": "Decay on 60 % SFT.",
            "compared_with": [],
            "notes": [],
            "enough_evidence": self.answers.get("enough_evidence", True),
        }

    def export(self, study: str) -> str:
        return "mixture: {größe: 1.0}\n"


def child(code: str, log: Path | None = None) -> subprocess.Popen[bytes]:
    stream = log.open("wb") if log else subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code], stdout=stream, stderr=subprocess.STDOUT)


def test_a_busy_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    """Another controller there would answer that it is ready, and run the demo's study."""
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        settings = Settings(home=tmp_path / "home", port=taken.getsockname()[1])
        with pytest.raises(DemoFailed, match=r"Address already in use.*DECAYMIX_PORT"):
            demo(settings, is_quick=True, exits=True)
    assert not settings.home.exists()


def test_a_home_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with pytest.raises(DemoFailed, match="DECAYMIX_HOME cannot be written to"):
        demo(Settings(home=tmp_path / "home", port=port), is_quick=True, exits=True)


def test_a_controller_that_ends_at_once_says_why_in_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "controller.log"
    controller = child("print('starting'); print('decaymix: the home is in use'); exit(1)", log)
    with pytest.raises(DemoFailed) as caught:
        _wait_until_ready(Stub(), controller, QUIET, log)  # type: ignore[arg-type]
    assert str(caught.value) == f"the home is in use (log: {log})"


def test_a_controller_that_ends_without_a_word_is_named_too(tmp_path: Path) -> None:
    log = tmp_path / "controller.log"
    with pytest.raises(DemoFailed, match="the controller ended"):
        _wait_until_ready(Stub(), child("", log), QUIET, log)  # type: ignore[arg-type]


def test_a_controller_that_never_gets_ready_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.demo._START_SECONDS", 0.3)
    controller = child("import time; time.sleep(60)")
    try:
        with pytest.raises(DemoFailed, match="was not ready in 0 s; see"):
            _wait_until_ready(Stub(), controller, QUIET, tmp_path)  # type: ignore[arg-type]
    finally:
        controller.kill()
        controller.wait()


def test_ready_is_enough(tmp_path: Path) -> None:
    controller = child("import time; time.sleep(60)")
    _wait_until_ready(Stub(ready=True), controller, QUIET, tmp_path)  # type: ignore[arg-type]
    _stop(controller)
    assert controller.returncode == -signal.SIGTERM


def test_a_controller_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.demo._STOP_SECONDS", 0.3)
    controller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "print('deaf', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert controller.stdout is not None
    assert controller.stdout.readline() == b"deaf\n"
    started = time.monotonic()
    _stop(controller)
    assert controller.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 10
    controller.stdout.close()
    _stop(controller)  # one that has ended already is left alone


def test_failed_trials_end_the_demo_with_the_first_reason(tmp_path: Path) -> None:
    stub = Stub(
        trials=[
            {"state": "COMPLETE", "message": None},
            {"state": "FAILED", "message": "RuntimeError: the disk sneezed"},
            {"state": "FAILED", "message": "another"},
        ]
    )
    with pytest.raises(DemoFailed, match="2 trials failed; the first: RuntimeError: the disk"):
        _run_study(stub, QUIET, Settings(home=tmp_path), is_quick=True)  # type: ignore[arg-type]
    assert not (tmp_path / "exports").exists()


@pytest.mark.parametrize(("is_quick", "name"), [(True, "demo-quick"), (False, "demo")])
def test_the_mixture_is_written_below_the_home(tmp_path: Path, is_quick: bool, name: str) -> None:
    stub, out = Stub(trials=[]), io.StringIO()
    console = Console(file=out, width=200)
    settings = Settings(home=tmp_path)
    assert _run_study(stub, console, settings, is_quick=is_quick) == "abc"  # type: ignore[arg-type]
    assert f"name: {name}\n" in stub.submitted
    exported = tmp_path / "exports" / f"{name}-mixture.yaml"
    assert exported.read_text(encoding="utf-8") == "mixture: {größe: 1.0}\n"
    assert ("only an example" in out.getvalue()) is is_quick


def test_without_enough_evidence_the_demo_writes_no_mixture(tmp_path: Path) -> None:
    stub, out = Stub(trials=[], enough_evidence=False), io.StringIO()
    console = Console(file=out, width=200)
    _run_study(stub, console, Settings(home=tmp_path), is_quick=True)  # type: ignore[arg-type]
    assert "No mixture for a trainer: there is not enough evidence" in out.getvalue()
    assert not (tmp_path / "exports").exists()
