"""The demo: a controller of its own, one study through the API, and what came out."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from decaymix import Client
from service.port import PortInUse, listen
from service.settings import Settings
from service.show import show_leaderboard, show_progress, show_recommendation

_STUDIES = Path(__file__).resolve().parent.parent / "studies"
_START_SECONDS = 120.0
_STOP_SECONDS = 30.0


class DemoFailed(RuntimeError):
    """The demo could not be run to its end; the text says why."""


def demo(settings: Settings, *, is_quick: bool, exits: bool) -> None:
    """Run the demo study; on a terminal serve its page afterwards until Ctrl-C."""
    console = Console()
    started = time.monotonic()
    try:
        # Or else what already listens there would be taken for the controller that is to come.
        listen(settings.host, settings.port).close()
        log = settings.home / "logs" / "controller.log"
        log.parent.mkdir(parents=True, exist_ok=True)
    except PortInUse as error:
        raise DemoFailed(str(error)) from error
    except OSError as error:
        raise DemoFailed(f"DECAYMIX_HOME cannot be written to: {error}") from error
    with log.open("a", encoding="utf-8") as stream:
        controller = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for this process, which then stops the controller in good order.
            start_new_session=True,
        )
    try:
        token = settings.token.get_secret_value() if settings.token else None
        with Client(settings.url, token) as client:
            _wait_until_ready(client, controller, console, log)
            study_id = _run_study(client, console, settings, is_quick=is_quick)
            minutes = (time.monotonic() - started) / 60
            console.print(f"\nTook {minutes:.1f} minutes. Log: {log}", highlight=False)
            console.print(f"Page: {settings.url}/studies/{study_id}", highlight=False)
        if console.is_terminal and not exits:
            console.print("Serving the page; Ctrl-C stops it.")
            controller.wait()
    except KeyboardInterrupt:
        console.print("\nStopping.")
    finally:
        _stop(controller)


def _run_study(client: Client, console: Console, settings: Settings, *, is_quick: bool) -> str:
    name = "demo-quick" if is_quick else "demo"
    console.print(f"Study {name}: reading its data, which takes a few seconds ...")
    study = client.submit_study((_STUDIES / f"{name}.yaml").read_text(encoding="utf-8"))
    study_id: str = study["id"]
    console.print(f"{study['question']}\nWatch it on {settings.url}/studies/{study_id}")
    show_progress(console, client.watch(study_id))
    failed = [trial for trial in client.trials(study_id) if trial["state"] == "FAILED"]
    if failed:
        raise DemoFailed(f"{len(failed)} trials failed; the first: {failed[0]['message']}")
    show_leaderboard(console, client.leaderboard(study_id))
    found = client.recommendation(study_id)
    show_recommendation(console, found)
    if found["enough_evidence"]:
        _export(client, console, settings, study_id, name)
    else:
        console.print("\nNo mixture for a trainer: there is not enough evidence for one.")
    if is_quick:
        console.print("This was --quick: few trials of few tokens; its answer is only an example.")
    return study_id


def _export(client: Client, console: Console, settings: Settings, study_id: str, name: str) -> None:
    exported = settings.home / "exports" / f"{name}-mixture.yaml"
    exported.parent.mkdir(parents=True, exist_ok=True)
    exported.write_text(client.export(study_id), encoding="utf-8")
    console.print(f"\nMixture for a trainer: {exported}", highlight=False)


def _wait_until_ready(
    client: Client, controller: subprocess.Popen[bytes], console: Console, log: Path
) -> None:
    console.print("Starting the controller and Ray ...")
    deadline = time.monotonic() + _START_SECONDS
    while not (controller.poll() is None and client.is_ready()):
        if controller.poll() is not None:
            # The controller's own last line says it best: a busy port, a home in use.
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            said = lines[-1].removeprefix("decaymix: ") if lines else "the controller ended"
            raise DemoFailed(f"{said} (log: {log})")
        if time.monotonic() > deadline:
            raise DemoFailed(f"the controller was not ready in {_START_SECONDS:.0f} s; see {log}")
        time.sleep(0.2)


def _stop(controller: subprocess.Popen[bytes]) -> None:
    if controller.poll() is None:
        controller.send_signal(signal.SIGTERM)
        try:
            controller.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            controller.kill()
            controller.wait()
