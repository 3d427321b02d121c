"""Every command of the README runs, in its order, on a home of its own.

`./run demo` runs as `--quick --exit`, `./run serve` in the background, `./run test` is this.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from decaymix import Client
from tests.real_controller import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """The lines of all `sh` blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_the_readme_is_short_and_shows_a_picture() -> None:
    assert len(README.splitlines()) < 150
    assert re.search(r"!\[[^\]]+\]\(docs/images/\w+\.png\)", README)


@pytest.mark.timeout(900)
def test_every_command_of_the_readme_works(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "DECAYMIX_HOME": str(tmp_path / "home"),
        "DECAYMIX_PORT": str(port),
        # The demo's own wish; a terminal of the test's would make it stay.
        "NO_COLOR": "1",
    }
    url = f"http://127.0.0.1:{port}"
    serving: subprocess.Popen[bytes] | None = None
    ran = []
    try:
        for command in commands():
            if command == "./run test":
                continue
            if command == "./run serve":
                serving = subprocess.Popen(command.split(), cwd=ROOT, env=environment)
                with Client(url) as client:
                    wait_until(client.is_ready, "the controller")
                continue
            if command == "./run demo":
                command = "./run demo --quick --exit"
            started = time.monotonic()
            done = subprocess.run(
                command.replace("http://127.0.0.1:8765", url),
                shell=True,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=400,
            )
            assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            assert done.stdout.strip(), f"{command} printed nothing"
            ran.append((command, round(time.monotonic() - started, 1), done.stdout))
    finally:
        if serving is not None:
            serving.terminate()
            assert serving.wait(60) == 0

    by_command = {command: output for command, _, output in ran}
    demo = by_command["./run demo --quick --exit"]
    assert "Leaderboard" in demo
    assert re.search(r"Decay on .* % SFT", demo)
    assert "only an example" in demo
    exported = tmp_path / "home" / "exports" / "demo-quick-mixture.yaml"
    assert f"{exported}" in demo.replace("\n", "")
    assert exported.is_file()
    assert "sha256" in by_command["./run decaymix export demo-quick"]
    # Submitting what the demo ran found that study, finished.
    assert "FINISHED" in by_command["./run decaymix studies"]
    assert "1 new trials" in by_command["./run decaymix try demo-quick --sft-share 0.55 --seed 0"]
