"""How many trials a second come in, in batches, over HTTP and into the database."""

import time
from pathlib import Path

import httpx

from bench.service_load.served import served
from bench.service_load.studies import our_study, trial_requests

BATCH = 250


def trials_per_second(home: Path, num: int) -> dict[str, float]:
    """Of `num` trials in batches of BATCH; also the slowest batch, and the first and the last ones'
    seconds, which say whether a full table slows it.
    """
    study = our_study(num + 2, home / "data")
    with (
        served("idle", home / "home", DECAYMIX_DATA_ROOTS=str(home / "data")) as service,
        httpx.Client(base_url=service.url, timeout=300) as client,
    ):
        study_id = client.post("/v1/studies", json=study).raise_for_status().json()["id"]
        requests, batches = trial_requests(num), []
        cpu, started = service.cpu_seconds(), time.perf_counter()
        for first in range(0, num, BATCH):
            begun = time.perf_counter()
            batch = requests[first : first + BATCH]
            answer = client.post(f"/v1/studies/{study_id}/trials", json=batch)
            assert answer.raise_for_status().json()["num_new"] == len(batch)
            batches.append(time.perf_counter() - begun)
        seconds = time.perf_counter() - started
        cpu = service.cpu_seconds() - cpu
    return {
        "trials_per_second": num / seconds,
        "cpu_ms": 1000 * cpu / num,
        "slowest_batch": max(batches),
        "first_batch": batches[0],
        "last_batch": batches[-1],
    }
