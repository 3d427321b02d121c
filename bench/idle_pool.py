"""Workers of a service that is measured by itself: they never run anything."""

from mixtures.study import Resources
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec
from workers.pool import Node, Slot


class IdlePool:
    """A pool with one core and never a free slot."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def is_reachable(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}

    def nodes(self) -> list[Node]:
        return [Node(id="idle", name="idle", cpus=1.0, state="ok")]

    def lacking(self, resources: Resources) -> frozenset[str]:
        return frozenset({"CPU"})

    def num_slots(self, resources: Resources) -> int:
        return 1

    def acquire(self, resources: Resources) -> Slot | None:
        return None

    async def run(self, slot: Slot, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        raise AssertionError("nothing is acquired, so nothing is run")

    def release(self, slot: Slot) -> None: ...

    async def progress(self) -> list[Progress]:
        return []

    def cancel(self, trial_id: str) -> None: ...
