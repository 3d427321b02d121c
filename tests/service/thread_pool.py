"""The pool's interface on threads of this process, for tests that need no cluster."""

import asyncio
from dataclasses import dataclass, field

from mixtures.study import Resources
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec
from workers.pool import Node, Slot, fitting
from workers.trial_worker import Runner, TrialWorker


@dataclass(kw_only=True)
class ThreadPool:
    """One thread a trial; `runner` is a stand-in that does no training."""

    runner: Runner
    num_workers: int = 2
    is_up: bool = True
    _slots: list[Slot] = field(default_factory=list)

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.num_workers)}

    async def is_reachable(self) -> bool:
        return self.is_up

    def nodes(self) -> list[Node]:
        return [Node(id="here", name="here", cpus=float(self.num_workers), state="ok")]

    def num_slots(self, resources: Resources) -> int:
        return fitting(self.num_workers, 0.0, resources) * resources.packed_trials

    def lacking(self, resources: Resources) -> frozenset[str]:
        return frozenset({"CPU"})

    def acquire(self, resources: Resources) -> Slot | None:
        if sum(slot.is_taken for slot in self._slots) >= self.num_slots(resources):
            return None
        slot = Slot(resources, TrialWorker(self.runner), num_taken=1)
        self._slots.append(slot)
        return slot

    async def run(self, slot: Slot, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        try:
            outcome: TrialResult | TrialFailure = await asyncio.to_thread(
                slot.worker.run, spec, attempt
            )
        finally:
            # Threads cannot be killed: one left behind would keep the test from ending.
            slot.worker.cancel(spec.trial_id)
            self.release(slot)
        return outcome

    def release(self, slot: Slot) -> None:
        self._slots.remove(slot)

    async def progress(self) -> list[Progress]:
        return [progress for slot in self._slots for progress in slot.worker.progress()]

    def cancel(self, trial_id: str) -> None:
        for slot in self._slots:
            slot.worker.cancel(trial_id)

    def stop_trials(self) -> None:
        for slot in self._slots:
            slot.worker.stop()
