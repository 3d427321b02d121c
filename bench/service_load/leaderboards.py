"""How long a leaderboard with its posterior columns takes, once its fit is in memory."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.service_load.served import served
from bench.service_load.studies import home_with_trials

PAGE = 100
# A fit of many trials may take longer than the service lets anybody wait: it is asked for again.
_FIT_SECONDS = 1800.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Milliseconds from the request to the end of the body, unpacked; by how it was asked for:
    `whole`, `plain` (whole, not packed) or `page` (its first PAGE rows).
    """

    fit_seconds: float
    median_ms: dict[str, float]
    p95_ms: dict[str, float]
    megabytes: float
    num_rows: int
    num_with_posterior: int
    as_of_trial: str
    memory_bytes: int


def read_leaderboard(home: Path, num_trials: int, num_benchmarks: int, repeats: int) -> Reading:
    """A home of its own, a first answer that waits for the fit, then `repeats` of each kind."""
    study_id = home_with_trials(home, num_trials, num_benchmarks)
    path = f"/v1/studies/{study_id}/leaderboard"
    median, p95 = {}, {}
    with (
        served("idle", home) as service,
        httpx.Client(base_url=service.url, timeout=300) as client,
    ):
        started = time.perf_counter()
        board = _with_posteriors(client, path)
        fit_seconds = time.perf_counter() - started
        plain = {"Accept-Encoding": "identity"}
        kinds = {"whole": ({}, {}), "plain": ({}, plain), "page": ({"limit": PAGE}, {})}
        for kind, (params, headers) in kinds.items():
            times = []
            for _ in range(repeats):
                begun = time.perf_counter()
                answer = client.get(path, params=params, headers=headers).raise_for_status()
                times.append(1000 * (time.perf_counter() - begun))
                if kind == "whole":
                    size = len(answer.content)
            median[kind] = statistics.median(times)
            p95[kind] = statistics.quantiles(times, n=20)[-1]
        memory = service.memory_bytes()
    return Reading(
        fit_seconds=fit_seconds,
        median_ms=median,
        p95_ms=p95,
        megabytes=size / 1e6,
        num_rows=len(board["rows"]),
        num_with_posterior=sum(row["posterior"] is not None for row in board["rows"]),
        as_of_trial=board["as_of_trial"],
        memory_bytes=memory,
    )


def _with_posteriors(client: httpx.Client, path: str) -> dict[str, Any]:
    """Asked until the fit is there. Raises TimeoutError."""
    end = time.monotonic() + _FIT_SECONDS
    while time.monotonic() < end:
        answer = client.get(path, params={"wait": "false"})
        board: dict[str, Any] = answer.raise_for_status().json()
        if any(row["posterior"] is not None for row in board["rows"]):
            return board
        time.sleep(0.5)
    raise TimeoutError(f"no posterior within {_FIT_SECONDS:g} s: {board['no_posterior']}")
