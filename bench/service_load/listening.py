"""200 listeners to a study's events beside 16 workers that report: does anybody miss anything?"""

import asyncio
import itertools
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.service_load.served import served
from bench.service_load.studies import outside_study, trial_requests

NUM_LISTENERS, NUM_WORKERS, NUM_BENCHMARKS = 200, 16, 10
# What a worker trains for: a trial takes minutes in earnest.
_TRAINING_SECONDS = 1.0
_BATCH = 500


@dataclass(slots=True)
class Heard:
    """`errors` are in words; each listener has to have every event, in order, to the last one."""

    num_events: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    tell_ms: list[float] = field(default_factory=list)
    num_told: int = 0
    cpu_share: float = 0.0
    late_ms: list[float] = field(default_factory=list)

    @property
    def num_errors(self) -> int:
        return len(self.errors)

    @property
    def words(self) -> str:
        p95 = statistics.quantiles(self.tell_ms, n=20)[-1]
        late = statistics.quantiles(self.late_ms, n=20)[-1]
        return (
            f"{len(self.num_events)} listeners x {min(self.num_events)} to {max(self.num_events)} "
            f"events, {self.num_told} trials told by {NUM_WORKERS} workers; p95 of a tell "
            f"{p95:.0f} ms, of an event after its tell {late:.0f} ms; controller "
            f"{self.cpu_share:.2f} of a core; {self.num_errors} errors {self.errors[:3]}"
        )


def listen(home: Path, seconds: float) -> Heard:
    """On a study of its own that is trained outside, for so many seconds."""
    heard = Heard()
    most = int(seconds / _TRAINING_SECONDS + 1) * NUM_WORKERS
    with served("idle", home) as service:
        with httpx.Client(base_url=service.url, timeout=300) as client:
            study = outside_study(most + 2, NUM_BENCHMARKS)
            study_id = client.post("/v1/studies", json=study).raise_for_status().json()["id"]
            requests = trial_requests(most)
            for first in range(0, most, _BATCH):
                batch = requests[first : first + _BATCH]
                client.post(f"/v1/studies/{study_id}/trials", json=batch).raise_for_status()
        cpu, started = service.cpu_seconds(), time.perf_counter()
        asyncio.run(_listeners(service.url, study_id, seconds, heard))
        heard.cpu_share = (service.cpu_seconds() - cpu) / (time.perf_counter() - started)
    return heard


async def _listeners(url: str, study_id: str, seconds: float, heard: Heard) -> None:
    told_at: dict[str, float] = {}
    # A process of their own would be cleaner and one more for two cores; they mostly sleep.
    end = time.monotonic() + seconds
    connected = asyncio.Semaphore(0)
    done = asyncio.Event()
    tasks = [
        asyncio.create_task(_listener(url, study_id, heard, told_at, connected, done))
        for _ in range(NUM_LISTENERS)
    ]
    for _ in tasks:
        await connected.acquire()
    workers = [
        threading.Thread(target=_worker, args=(url, study_id, f"w{n}", end, heard, told_at))
        for n in range(NUM_WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        await asyncio.to_thread(worker.join)
    # What was told last is still on its way.
    await asyncio.sleep(3.0)
    done.set()
    await asyncio.gather(*tasks)
    if len(set(heard.num_events)) != 1:
        heard.errors.append(f"listeners heard {sorted(set(heard.num_events))} events")
    # Each trial is announced as it is given out and as it ends.
    if max(heard.num_events) != 2 * heard.num_told:
        heard.errors.append(f"{heard.num_told} trials told, {max(heard.num_events)} events")


async def _listener(
    url: str,
    study_id: str,
    heard: Heard,
    told_at: dict[str, float],
    connected: asyncio.Semaphore,
    done: asyncio.Event,
) -> None:
    """Bare lines: what it costs to read must not be what is measured."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    asked = f"GET /v1/studies/{study_id}/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    writer.write(asked.encode())
    status = await reader.readline()
    if b" 200 " not in status:
        heard.errors.append(f"a listener was answered {status!r}")
    ids: list[int] = []
    is_connected = False
    over = asyncio.create_task(done.wait())
    while not done.is_set():
        line_task = asyncio.create_task(reader.readline())
        await asyncio.wait((line_task, over), return_when=asyncio.FIRST_COMPLETED)
        if not line_task.done():
            line_task.cancel()
            break
        line = line_task.result()
        if not line:
            heard.errors.append("a listener's stream ended")
            break
        if line.startswith(b"event: status") and not is_connected:
            is_connected = True
            connected.release()
        elif line.startswith(b"id:"):
            ids.append(int(line[3:]))
        elif line.startswith(b"data:") and b'"COMPLETE"' in line:
            trial_id = line.partition(b'"trial_id": "')[2][:16].decode()
            if trial_id in told_at:
                heard.late_ms.append(1000 * (time.perf_counter() - told_at[trial_id]))
    writer.close()
    if any(after != before + 1 for before, after in itertools.pairwise(ids)):
        heard.errors.append("a listener missed an event")
    heard.num_events.append(len(ids))


def _worker(
    url: str, study_id: str, name: str, end: float, heard: Heard, told_at: dict[str, float]
) -> None:
    """Asks for a trial, trains it for a second, tells its scores; until the time is over."""
    with httpx.Client(base_url=url, timeout=60) as client:
        while time.monotonic() < end:
            try:
                wish = {"num": 1, "worker": name}
                answer = client.post(f"/v1/studies/{study_id}/ask", json=wish).raise_for_status()
                (trial,) = answer.json()["trials"]
                time.sleep(_TRAINING_SECONDS)
                value = 3.0 + (trial["sft_share"] - 0.6) ** 2
                scores = [
                    {"benchmark": f"benchmark{n}", "metric": "loss", "value": value + 0.1 * n}
                    for n in range(NUM_BENCHMARKS)
                ]
                told = {"attempt": trial["attempt"], "scores": scores}
                begun = told_at[trial["trial_id"]] = time.perf_counter()
                client.post(f"/v1/trials/{trial['trial_id']}/tell", json=told).raise_for_status()
                heard.tell_ms.append(1000 * (time.perf_counter() - begun))
                heard.num_told += 1
            except (httpx.HTTPError, ValueError) as error:
                heard.errors.append(f"{type(error).__name__}: {error}")
