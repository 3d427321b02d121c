"""What the service bears: trials coming in, leaderboards, listeners, 10,000 trials, and at rest.

    python bench/service.py [--quick] [--only PART ...]

Client and service share the machine. Parts: `submit` (trials a second in batches), `leaderboard`
(the 95th percentile at 400 trials x 50 metrics and at 100,000 trials, a million rows of metrics),
`events` (200 listeners beside 16 reporting workers), `path` (trials that train nothing through
HTTP, scheduler, Ray and database; Optuna with SQLite and Ray Tune with the same) and `idle`.
`path` compares with what of `pip install optuna "ray[tune]"` is there (the first is in the extra
`test`), and says what is not. Each goal has its line at the end, also where a later part failed.
"""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

if __name__ == "service":
    # `python bench/x.py` looks into this folder first, and finds this file for the package. The
    # package itself has to take its place: what reads its files asks where they are.
    _here = Path(__file__).resolve().parent
    sys.path[:] = [one for one in sys.path if Path(one).resolve() != _here]
    del sys.modules["service"]
    sys.modules["service"] = importlib.import_module("service")

from bench.goal import goal_line
from bench.service_load.idle import idle_controller
from bench.service_load.leaderboards import read_leaderboard
from bench.service_load.listening import listen
from bench.service_load.submitting import trials_per_second
from bench.service_load.whole_path import peers_seconds, run_no_ops

# Name, value, bound, and whether the value is to be at least that.
Goal = tuple[str, float, float, bool]

# Trials and benchmarks of the two leaderboards, and the milliseconds that are allowed.
SMALL, LARGE = (400, 50, 50.0), (100_000, 10, 200.0)


def main() -> None:
    parts: dict[str, Callable[[Path, bool], Iterator[Goal]]] = {
        "submit": submit,
        "leaderboard": leaderboard,
        "events": events,
        "path": path,
        "idle": idle,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer trials, 20 s of events")
    parser.add_argument("--only", action="append", choices=parts, help="this part; may be repeated")
    given = parser.parse_args()
    goals: list[Goal] = []
    try:
        for name in given.only or parts:
            with tempfile.TemporaryDirectory() as home:
                for goal in parts[name](Path(home), given.quick):
                    goals.append(goal)
    finally:
        # What was measured is told, whatever a later part died of.
        for goal in goals:
            print(goal_line(*goal))


def submit(home: Path, is_quick: bool) -> Iterator[Goal]:
    found = trials_per_second(home, 1_000 if is_quick else 10_000)
    print("submit:", *(f"{name} {value:.2f}" for name, value in found.items()))
    yield "submitted_trials_per_second", found["trials_per_second"], 100.0, True


def leaderboard(home: Path, is_quick: bool) -> Iterator[Goal]:
    for num_trials, num_benchmarks, bound in (SMALL,) if is_quick else (SMALL, LARGE):
        one = read_leaderboard(home / str(num_trials), num_trials, num_benchmarks, 100)
        print(
            f"{num_trials:,} trials x {num_benchmarks} metrics: {one.num_rows:,} rows, "
            f"{one.num_with_posterior:,} with posterior, {one.megabytes:.1f} MB; fit "
            f"{one.fit_seconds:.1f} s, as of trial {one.as_of_trial}; controller "
            f"{one.memory_bytes / 1e6:.0f} MB"
        )
        for kind, p95 in one.p95_ms.items():
            print(f"  {kind:6} median {one.median_ms[kind]:.1f} ms, p95 {p95:.1f} ms")
            if kind != "plain":
                yield f"leaderboard_{kind}_p95_ms_{num_trials}", p95, bound, False


def events(home: Path, is_quick: bool) -> Iterator[Goal]:
    heard = listen(home, seconds=20.0 if is_quick else 300.0)
    print("events:", heard.words)
    yield "events_errors", float(heard.num_errors), 0.0, False


def path(home: Path, is_quick: bool) -> Iterator[Goal]:
    found = run_no_ops(home, 2_000 if is_quick else 10_000)
    for line in found.lines:
        print("path:", line, flush=True)
    yield "controller_cpu_ms_a_trial", found.cpu_ms, 20.0, False
    yield "controller_wall_ms_a_trial", found.wall_ms, 20.0, False
    yield "growth_first_to_last_thousand", found.growth, 0.10, False
    # In the quick run of fewer trials, of which a peer's cost the same or less.
    for name, seconds, words in peers_seconds(home, 500 if is_quick else 10_000):
        print("path:", words, flush=True)
        if seconds is not None:
            yield f"wall_over_{name}", found.wall_ms / (1000 * seconds), 1.0, False


def idle(home: Path, is_quick: bool) -> Iterator[Goal]:
    megabytes, heavy = idle_controller(home)
    print(f"idle: {megabytes:.0f} MB; of the heavy libraries loaded: {', '.join(heavy) or 'none'}")
    yield "idle_controller_mb", megabytes, 300.0, False
    yield "heavy_libraries_loaded", float(len(heavy)), 0.0, False


if __name__ == "__main__":
    main()
