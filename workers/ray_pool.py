"""Workers as Ray's actors, on one machine or many: `workers.pool.Pool` with Ray behind it."""

import asyncio
import logging
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
import ray._private.worker
from ray.exceptions import OutOfMemoryError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mixtures.study import Resources
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec
from mixtures.value import hash_text
from workers.config import WorkerConfig
from workers.head_watch import HeadWatch, wait_for_head
from workers.own_thread import in_own_thread
from workers.ray_actors import DepotActor, _Actor
from workers.ray_machines import Machines, only_on
from workers.ray_signals import begin_with_our_signals
from workers.slots import Node, Slot, Slots, WorkerLost, gpu_share

log = logging.getLogger(__name__)

# Unix socket paths end at 107 bytes, and Ray puts about 63 below its folder.
_LONGEST_RAY_FOLDER = 40
# A worker that does not say where it stands in this time is asked again at the next poll.
_POLL_SECONDS = 5.0
# A worker keeps little in the object store: specs and results are kilobytes.
_OBJECT_STORE_BYTES = 100 * 1024 * 1024


@dataclass(kw_only=True)
class RayPool:
    """Workers as Ray actors, on a cluster of our own or the one at `ray_address`.

    The machines of a cluster come and go, and workers with them (workers/ray_machines.py).
    """

    config: WorkerConfig
    ray_address: str | None = None
    num_cpus: int | None = None
    _slots: Slots = field(default_factory=Slots)
    _machines: Machines = field(init=False)
    _depot: Any = None
    _own_folder: Path | None = None
    _look: "asyncio.Future[Any] | None" = None
    _watcher: "asyncio.Task[None] | None" = None
    _is_up: bool = True
    # Set when Ray has died under what runs; then there is a new one.
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._machines = self._machines_to_come()

    def _machines_to_come(self) -> Machines:
        """Those of the Ray that is started, or joined, next."""
        return Machines(self._slots, self.config.home, self.ray_address is None)

    async def start(self) -> None:
        await self._begin()
        self._watcher = asyncio.create_task(self._begin_anew_when_dead())

    async def _begin_anew_when_dead(self) -> None:
        """What ran on a head that died is lost; then Ray is started, or joined, again."""
        while True:
            log.error("Ray is gone: %s", await self._head.until_dead())
            self._is_up = False
            self._slots.forget()
            self._gone.set()
            self._gone = asyncio.Event()
            while not self._is_up:
                try:
                    await self._machines.stop()
                    await in_own_thread(ray.shutdown)
                    self._machines = self._machines_to_come()
                    await self._begin()
                except Exception as error:
                    # Whatever it is, it is tried again: without Ray nothing trains, /readyz says.
                    log.error("Ray cannot be started: %s", error, exc_info=error)
                    await asyncio.sleep(_POLL_SECONDS)
            log.warning("Ray is there again")

    async def _begin(self) -> None:
        if self.ray_address:
            await wait_for_head(self.ray_address)
        await begin_with_our_signals(self._start)
        self._depot = None
        await self._machines.start()
        self._is_up = True

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
        self._head = HeadWatch(ray.get_runtime_context().gcs_address, _dead_processes)

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
        await self._machines.stop()
        await in_own_thread(ray.shutdown)
        self._slots.forget()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def cluster_resources(self) -> dict[str, float]:
        return self._machines.totals

    def nodes(self) -> list[Node]:
        return sorted(self._slots.nodes.values(), key=lambda node: node.name)

    async def is_reachable(self) -> bool:
        # Asked of a dead head, Ray's own question would never come back.
        if not self._is_up or not await self._head.answers():
            return False
        # A head that hangs would keep a thread for each probe: one is enough.
        if self._look is None or self._look.done():
            self._look = asyncio.ensure_future(in_own_thread(ray.cluster_resources))
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await asyncio.shield(self._look)
        except (TimeoutError, RayError, RuntimeError):
            return False
        return True

    def num_slots(self, resources: Resources) -> int:
        return self._slots.num_slots(resources)

    def lacking(self, resources: Resources) -> frozenset[str]:
        return self._slots.lacking(resources)

    def acquire(self, resources: Resources) -> Slot | None:
        if not self._is_up:
            return None
        seated = self._slots.with_seat(resources)
        if seated is not None:
            seated.num_taken += 1
            return seated
        found = self._slots.place(resources)
        if found is None:
            return None
        node, ended = found
        for one in ended:
            self._end(one)
        slot = Slot(resources, self._worker_on(node, resources), num_taken=1, node=node.id)
        self._slots.all.append(slot)
        return slot

    def _worker_on(self, node: Node, resources: Resources) -> Any:
        """The actor starts in the background; its first trial waits for it."""
        actor = ray.remote(self._actor()).options(
            num_cpus=resources.cpus_per_trial,
            num_gpus=gpu_share(resources),
            scheduling_strategy=only_on(node),
            # `run` holds a thread for each trial; `progress` and `cancel` answer on the others.
            max_concurrency=resources.packed_trials + 2,
        )
        home, roots = str(self.config.home), [str(root) for root in self.config.data_roots]
        facts = self._machines.facts.get(node.id)
        if facts is None or not node.has_own_home:
            code = None if facts is None else facts.code
            return actor.remote(home, roots, self.config.run_code, code)
        if self._depot is None:
            here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), False)
            depot = ray.remote(DepotActor).options(
                num_cpus=0, max_restarts=-1, scheduling_strategy=here
            )
            self._depot = depot.remote(home, roots)
        own_roots = list(facts.data_roots)
        return actor.remote(facts.home, own_roots, self.config.run_code, facts.code, self._depot)

    def _actor(self) -> "type[_Actor]":
        """What Ray runs. A benchmark of the service puts one in its place that trains nothing."""
        return _Actor

    async def run(self, slot: Slot, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        gone = self._gone
        try:
            text = await _unless(gone, slot.worker.run.remote(spec.canonical(), attempt))
        except RayError as error:
            # Whatever kept the answer away, the attempt is lost. A worker that Ray cannot reach, or
            # that could not answer, may still hold its cores: end it.
            self._end(slot)
            self._machines.look_again(slot.node)
            said = str(error).splitlines() or [type(error).__name__]
            # Ray's memory monitor ends the worker that took most, before the kernel takes any.
            is_out_of_memory = isinstance(error, OutOfMemoryError)
            raise WorkerLost(said[0], "out_of_memory" if is_out_of_memory else "lost") from error
        except asyncio.CancelledError:
            self._leave(slot, spec.trial_id)
            raise
        if text is None:
            raise WorkerLost("Ray's head died")
        self.release(slot)
        kind, _, body = text.partition(" ")
        return (TrialResult if kind == "result" else TrialFailure).model_validate_json(body)

    def _end(self, slot: Slot) -> None:
        """Nothing where its Ray is gone already."""
        if slot in self._slots.all:
            self._slots.remove(slot)
            ray.kill(slot.worker)

    def _leave(self, slot: Slot, trial_id: str) -> None:
        """End the worker; one that has other trials ends with the last of them."""
        slot.is_left = True
        if slot.num_taken > 1:
            slot.worker.cancel.remote(trial_id)
        self.release(slot)

    def release(self, slot: Slot) -> None:
        slot.num_taken -= 1
        if slot.is_left and not slot.is_taken:
            self._end(slot)

    async def progress(self) -> list[Progress]:
        taken = [slot for slot in self._slots.all if slot.is_taken]
        answers = await asyncio.gather(*(_ask(slot) for slot in taken))
        return [Progress.model_validate_json(text) for texts in answers for text in texts]

    def cancel(self, trial_id: str) -> None:
        for slot in self._slots.all:
            if slot.is_taken:
                slot.worker.cancel.remote(trial_id)

    def stop_trials(self) -> None:
        for slot in self._slots.all:
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


def _dead_processes() -> list[str]:
    """Of the Ray that this process started, the head's own that have ended."""
    node = ray._private.worker._global_node
    if node is None or not node.is_head():
        return []
    return [name for name, _ in node.dead_processes() if name in ("gcs_server", "raylet")]


async def _ask(slot: Slot) -> list[str]:
    """A dying worker's silence is not an error here: `run` is what finds out."""
    try:
        async with asyncio.timeout(_POLL_SECONDS):
            texts: list[str] = await slot.worker.progress.remote()
    except (TimeoutError, RayError):
        return []
    return texts
