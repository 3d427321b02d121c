"""How long a newcomer waits: the demo, its quick form, and what `./run` adds to a second start.

    python bench/demo.py [--quick]

Each run has a home of its own, so nothing is reused. `--quick` leaves the full demo out. Needs
nothing else to run on the machine: the demo takes both of the two cores that its goal is for.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Goals: minutes on two cores after the install, and seconds that set-up adds to a second start.
DEMO_MINUTES, QUICK_MINUTES, SECOND_START_SECONDS = 12.0, 3.0, 3.0
START_REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the full demo out")
    is_quick = parser.parse_args().quick
    goals = [("second_start_seconds", second_start_seconds(), SECOND_START_SECONDS)]
    goals.append(("demo_quick_minutes", demo_minutes("--quick"), QUICK_MINUTES))
    if not is_quick:
        goals.append(("demo_minutes", demo_minutes(), DEMO_MINUTES))
    for name, value, bound in goals:
        verdict = "met" if value <= bound else "missed"
        print(f"goal {name} value={value:.2f} bound={bound:g} {verdict}")


def second_start_seconds() -> float:
    """`./run decaymix --help` less the same without `./run`: the best of a few, in seconds."""
    through_run = best([str(ROOT / "run"), "decaymix", "--help"])
    return through_run - best([sys.executable, "-m", "service.cli", "--help"])


def best(command: list[str]) -> float:
    return min(seconds(command, dict(os.environ)) for _ in range(START_REPEATS))


def demo_minutes(*options: str) -> float:
    """Wall minutes of `./run demo --exit` on a new home, Ray's start and the answer included."""
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = {**os.environ, "DECAYMIX_HOME": home, "DECAYMIX_PORT": str(port)}
        command = [str(ROOT / "run"), "demo", "--exit", *options]
        return seconds(command, environment, is_shown=True) / 60


def seconds(command: list[str], environment: dict[str, str], is_shown: bool = False) -> float:
    started = time.perf_counter()
    out = None if is_shown else subprocess.DEVNULL
    subprocess.run(command, env=environment, stdout=out, check=True, cwd=ROOT)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
