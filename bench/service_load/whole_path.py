"""Trials that train nothing through the whole path, and through Optuna and Ray Tune.

In over HTTP, claimed, sent to a worker on Ray, back, recorded, announced to a listener. The study
is paused while trials come in, so that what a thousand of them cost can be told from what that
costs.
"""

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.service_load.peers import optuna_seconds, tune_seconds
from bench.service_load.served import Running, served
from bench.service_load.studies import our_study, trial_requests
from bench.service_load.submitting import BATCH

_STEP = 1_000
# No trial is done for so long: the path is stuck.
_STALL_SECONDS = 120.0
# A peer that takes longer is measured on the trials that it came to, its first and quickest ones.
_PEER_SECONDS = 240.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WholePath:
    """Per trial, milliseconds; `growth` of processor time from the first to the last thousand."""

    cpu_ms: float
    wall_ms: float
    growth: float
    lines: tuple[str, ...]


def run_no_ops(home: Path, num: int) -> WholePath:
    """`num` trials, a multiple of a thousand; raises RuntimeError where one is not completed."""
    study = our_study(num, home / "data")
    settings = {"DECAYMIX_DATA_ROOTS": str(home / "data"), "DECAYMIX_NUM_CPUS": "2"}
    with (
        served("no-op", home / "home", **settings) as service,
        httpx.Client(base_url=service.url, timeout=300) as client,
    ):
        answer = client.post("/v1/studies?is_paused=true", json=study).raise_for_status()
        study_id = answer.json()["id"]
        cpu, started = service.cpu_seconds(), time.perf_counter()
        # The study's own two trials are among them.
        requests = trial_requests(num - 2)
        for first in range(0, len(requests), BATCH):
            batch = requests[first : first + BATCH]
            client.post(f"/v1/studies/{study_id}/trials", json=batch).raise_for_status()
        submit_cpu, submit_wall = (
            service.cpu_seconds() - cpu,
            time.perf_counter() - started,
        )
        marks = _run_all(service, client, study_id, num)
    cpus = [after[1] - before[1] for before, after in itertools.pairwise(marks)]
    walls = [after[0] - before[0] for before, after in itertools.pairwise(marks)]
    return WholePath(
        cpu_ms=1000 * (submit_cpu + sum(cpus)) / num,
        wall_ms=1000 * (submit_wall + sum(walls)) / num,
        growth=cpus[-1] / cpus[0] - 1,
        lines=(
            f"{num} trials; submitting {1000 * submit_wall / num:.2f} ms wall, "
            f"{1000 * submit_cpu / num:.2f} ms processor each",
            "processor ms a trial by thousand " + " ".join(f"{1000 * c / _STEP:.2f}" for c in cpus),
            "wall ms a trial by thousand " + " ".join(f"{1000 * w / _STEP:.2f}" for w in walls),
        ),
    )


def peers_seconds(home: Path, num: int) -> Iterator[tuple[str, float | None, str]]:
    """(peer, seconds a trial, words) of the same trials; None where it is not installed."""
    for name, measure in (("optuna", optuna_seconds), ("ray_tune", tune_seconds)):
        try:
            seconds, num_done = measure(home, num, _PEER_SECONDS)
        except ImportError as error:
            yield name, None, f"{name} was not measured, it cannot be imported: {error}"
        else:
            yield name, seconds, f"{name} {1000 * seconds:.2f} ms wall a trial, of {num_done}"


def _run_all(
    service: Running, client: httpx.Client, study_id: str, num: int
) -> list[tuple[float, float]]:
    """(wall, processor) seconds at the start and after every thousand trials that are COMPLETE.

    The study is waited for as a page waits for it: by its events.
    """
    path, num_done = f"/v1/studies/{study_id}", 0
    with client.stream("GET", f"{path}/events", timeout=_STALL_SECONDS) as stream:
        lines = stream.raise_for_status().iter_lines()
        next(lines)
        marks = [(time.perf_counter(), service.cpu_seconds())]
        httpx.patch(f"{service.url}{path}", json={"is_paused": False}).raise_for_status()
        moved_at = time.perf_counter()
        for line in lines:
            # Also at the comment that comes every 15 seconds.
            if time.perf_counter() > moved_at + _STALL_SECONDS:
                break
            state = json.loads(line[5:]).get("state") if line.startswith("data:") else None
            if state == "FAILED":
                break
            if state != "COMPLETE":
                continue
            num_done, moved_at = num_done + 1, time.perf_counter()
            if num_done % _STEP == 0:
                marks.append((moved_at, service.cpu_seconds()))
            if num_done == num:
                return marks
    stands = httpx.get(f"{service.url}{path}", timeout=60).raise_for_status().json()["status"]
    raise RuntimeError(f"{num_done} of {num} trials were heard of; {stands['trials']}")
