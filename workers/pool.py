"""Ray, and nothing else imports it: long-lived worker actors behind a small interface.

`run_local` (workers/local_process.py) is the other door to worker code, named again here.
"""

import asyncio
import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import ray
import ray._private.worker
from ray.exceptions import OutOfMemoryError, RayError

from mixtures.study import Resources
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec
from mixtures.value import hash_text

# Named again, for the service: this file is all that it knows of the workers.
from workers.config import WorkerConfig as WorkerConfig
from workers.files import DataError as DataError
from workers.head_watch import HeadWatch
from workers.item_files import ItemsDamaged as ItemsDamaged
from workers.item_files import read_items as read_items
from workers.local_process import ChildKilled as ChildKilled
from workers.local_process import LocalProcess as LocalProcess
from workers.local_process import run_local as run_local
from workers.trial_log import trial_log_path as trial_log_path
from workers.trial_worker import TrialWorker, make_runner
from workers.worker_facts import worker_facts

log = logging.getLogger(__name__)

# Unix socket paths end at 107 bytes, and Ray puts about 63 below its folder.
_LONGEST_RAY_FOLDER = 40
# A worker that does not say where it stands in this time is asked again at the next poll.
_POLL_SECONDS = 5.0
# A worker keeps little in the object store: specs and results are kilobytes.
_OBJECT_STORE_BYTES = 100 * 1024 * 1024


class WorkerLost(RuntimeError):
    """The worker died with the attempt on it: the attempt is lost, the trial is not."""

    def __init__(self, reason: str, kind: Literal["lost", "out_of_memory"] = "lost") -> None:
        super().__init__(reason)
        self.kind: Literal["lost", "out_of_memory"] = kind


class Pool(Protocol):
    """Where trials run. One trial a worker; `acquire` says whether another may start."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def cluster_resources(self) -> dict[str, float]:
        """Totals by Ray's names, e.g. CPU."""
        ...

    async def is_reachable(self) -> bool:
        """Whether the cluster answers now."""
        ...

    def num_slots(self, resources: Resources) -> int:
        """How many trials of these resources run at once."""
        ...

    def acquire(self, resources: Resources) -> "Slot | None":
        """A place for one trial, or None while all are taken. Give it to `run`."""
        ...

    async def run(self, slot: "Slot", spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        """One attempt; the slot is free again afterwards. Raises WorkerLost.

        Whoever leaves it before its end ends the worker.
        """
        ...

    def release(self, slot: "Slot") -> None:
        """Give back a slot on which nothing was run."""
        ...

    async def progress(self) -> list[Progress]:
        """Where the running attempts stand."""
        ...

    def cancel(self, trial_id: str) -> None: ...

    def stop_trials(self) -> None:
        """All running attempts end at their next step, where decays save themselves."""
        ...


@dataclass(slots=True)
class Slot:
    """One worker's place: its resources and, in `worker`, the actor or object behind it."""

    resources: Resources
    worker: Any
    is_taken: bool = False


def fitting(total: dict[str, float], resources: Resources) -> int:
    """How many of `resources` fit into the cluster's totals."""
    return int(total.get("CPU", 0.0) / resources.cpus_per_trial + 1e-9)


@dataclass(kw_only=True)
class RayPool:
    """Workers as Ray actors, on a cluster of our own or the one at `ray_address`."""

    config: WorkerConfig
    ray_address: str | None = None
    num_cpus: int | None = None
    _slots: list[Slot] = field(default_factory=list)
    _totals: dict[str, float] = field(default_factory=dict)
    _own_folder: Path | None = None
    _look: "asyncio.Future[Any] | None" = None
    _watcher: "asyncio.Task[None] | None" = None
    _is_up: bool = True
    # Set when Ray has died under what runs; then there is a new one.
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        await asyncio.to_thread(self._start)
        self._watcher = asyncio.create_task(self._begin_anew_when_dead())

    async def _begin_anew_when_dead(self) -> None:
        """What ran on a head that died is lost; then Ray is started, or joined, again."""
        while True:
            log.error("Ray is gone: %s", await self._head.until_dead())
            self._is_up = False
            self._slots.clear()
            self._gone.set()
            self._gone = asyncio.Event()
            await asyncio.to_thread(ray.shutdown)
            while not self._is_up:
                try:
                    await asyncio.to_thread(self._start)
                except (RayError, RuntimeError, ConnectionError, OSError) as error:
                    log.error("Ray cannot be started: %s", error)
                    await asyncio.sleep(_POLL_SECONDS)
            _handle_signals_again()
            log.warning("Ray is there again")

    def _start(self) -> None:
        # A driver whose head does not answer for this long ends its whole process; we see to it.
        os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(24 * 3600))
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.ray_address:
            ray.init(address=self.ray_address, namespace="decaymix", **quiet)
        else:
            # Ray asks for a token by default; without one in the environment it writes one into
            # the user's own home folder, which is not ours to touch.
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            ray.init(
                address="local",
                num_cpus=self.num_cpus,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=str(self._ray_folder()),
                **quiet,
            )
        self._totals = dict(ray.cluster_resources())  # type: ignore[no-untyped-call]
        self._head = HeadWatch(ray.get_runtime_context().gcs_address, _dead_processes)
        self._is_up = True

    def _ray_folder(self) -> Path:
        """Under the home where the path is short enough for Ray's sockets, else under the system's
        temporary folder, by a name of the home's own: what a killed controller left there is
        removed by the next start. The database's lock says that no other controller uses it.
        """
        folder = self.config.home / "ray"
        if len(str(folder)) > _LONGEST_RAY_FOLDER:
            folder = Path(tempfile.gettempdir()) / f"decaymix-{hash_text(str(folder), 8)}"
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, mode=0o700)
        self._own_folder = folder
        return folder

    async def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await asyncio.to_thread(ray.shutdown)
        self._slots.clear()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def cluster_resources(self) -> dict[str, float]:
        return self._totals

    async def is_reachable(self) -> bool:
        # Asked of a dead head, Ray's own question would never come back.
        if not self._is_up or not await self._head.answers():
            return False
        # A head that hangs would keep a thread for each probe: one is enough.
        if self._look is None or self._look.done():
            self._look = asyncio.ensure_future(asyncio.to_thread(ray.cluster_resources))
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await asyncio.shield(self._look)
        except (TimeoutError, RayError, RuntimeError):
            return False
        return True

    def num_slots(self, resources: Resources) -> int:
        return fitting(self._totals, resources)

    def acquire(self, resources: Resources) -> Slot | None:
        if not self._is_up:
            return None
        for slot in self._slots:
            if not slot.is_taken and slot.resources == resources:
                slot.is_taken = True
                return slot
        if not self._make_room(resources):
            return None
        # The actor starts in the background; its first trial waits for it.
        actor = ray.remote(self._actor()).options(
            num_cpus=resources.cpus_per_trial,
            # `run` holds one thread; `progress` and `cancel` answer on the others.
            max_concurrency=3,
        )
        worker = actor.remote(
            str(self.config.home),
            [str(root) for root in self.config.data_roots],
            self.config.run_code,
        )
        slot = Slot(resources, worker, is_taken=True)
        self._slots.append(slot)
        return slot

    def _actor(self) -> "type[_Actor]":
        """What Ray runs. A benchmark of the service puts one in its place that trains nothing."""
        return _Actor

    def _make_room(self, wanted: Resources) -> bool:
        """True when an actor of these resources fits, idle ones of other shapes ended for it."""
        while True:
            held = sum(slot.resources.cpus_per_trial for slot in self._slots)
            if held + wanted.cpus_per_trial <= self._totals.get("CPU", 0.0) + 1e-9:
                return True
            idle = next((slot for slot in self._slots if not slot.is_taken), None)
            if idle is None:
                return False
            self._slots.remove(idle)
            ray.kill(idle.worker)

    async def run(self, slot: Slot, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        gone = self._gone
        try:
            text = await _unless(gone, slot.worker.run.remote(spec.canonical(), attempt))
        except RayError as error:
            # Whatever kept the answer away, the attempt is lost. A worker that Ray cannot reach, or
            # that could not answer, may still hold its cores: end it.
            self._end(slot)
            said = str(error).splitlines() or [type(error).__name__]
            # Ray's memory monitor ends the worker that took most, before the kernel takes any.
            is_out_of_memory = isinstance(error, OutOfMemoryError)
            raise WorkerLost(said[0], "out_of_memory" if is_out_of_memory else "lost") from error
        except asyncio.CancelledError:
            self._end(slot)
            raise
        if text is None:
            raise WorkerLost("Ray's head died")
        self.release(slot)
        kind, _, body = text.partition(" ")
        return (TrialResult if kind == "result" else TrialFailure).model_validate_json(body)

    def _end(self, slot: Slot) -> None:
        """Nothing where its Ray is gone already."""
        if slot in self._slots:
            self._slots.remove(slot)
            ray.kill(slot.worker)

    def release(self, slot: Slot) -> None:
        slot.is_taken = False

    async def progress(self) -> list[Progress]:
        taken = [slot for slot in self._slots if slot.is_taken]
        answers = await asyncio.gather(*(_ask(slot) for slot in taken))
        return [Progress.model_validate_json(text) for text in answers if text is not None]

    def cancel(self, trial_id: str) -> None:
        for slot in self._slots:
            if slot.is_taken:
                slot.worker.cancel.remote(trial_id)

    def stop_trials(self) -> None:
        for slot in self._slots:
            slot.worker.stop.remote()


async def _unless(gone: asyncio.Event, answer: Any) -> str | None:
    """What `answer` comes to; None where the event comes first."""

    async def wait() -> str:
        text: str = await answer
        return text

    waits = [asyncio.ensure_future(wait()), asyncio.ensure_future(gone.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits[1:] if waits[0].done() else waits:
            one.cancel()
    return None if waits[0].cancelled() or not waits[0].done() else str(waits[0].result())


def _handle_signals_again() -> None:
    """A Ray that starts puts a handler in place that aborts; those of Python's are still known."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)


def _dead_processes() -> list[str]:
    """Of the Ray that this process started, the head's own that have ended."""
    node = ray._private.worker._global_node
    if node is None or not node.is_head():
        return []
    return [name for name, _ in node.dead_processes() if name in ("gcs_server", "raylet")]


async def _ask(slot: Slot) -> str | None:
    """A dying worker's silence is not an error here: `run` is what finds out."""
    try:
        async with asyncio.timeout(_POLL_SECONDS):
            text: str | None = await slot.worker.progress.remote()
    except (TimeoutError, RayError):
        return None
    return text


class _Actor:
    """The Ray side: JSON in, JSON out, so that both ends may run other versions of pydantic."""

    def __init__(self, home: str, data_roots: list[str], run_code: bool) -> None:
        self._worker = TrialWorker(make_runner(home, data_roots, run_code))

    def run(self, spec: str, attempt: int) -> str:
        outcome = self._worker.run(TrialSpec.model_validate_json(spec), attempt)
        kind = "result" if isinstance(outcome, TrialResult) else "failure"
        return f"{kind} {outcome.canonical()}"

    def progress(self) -> str | None:
        progress = self._worker.progress()
        return None if progress is None else progress.model_copy(update=worker_facts()).canonical()

    def cancel(self, trial_id: str) -> None:
        self._worker.cancel(trial_id)

    def stop(self) -> None:
        self._worker.stop()
