"""Where trials run: what the service knows of workers, and of what runs them.

`run_local` (workers/local_process.py) is the other door to worker code, named again here.
"""

from typing import Protocol

from mixtures.study import Resources
from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec

# Named again, for the service: this file is all that it knows of the workers.
from workers.config import WorkerConfig as WorkerConfig
from workers.files import DataError as DataError
from workers.head_watch import BadHeadAddress as BadHeadAddress
from workers.head_watch import HeadUnreachable as HeadUnreachable
from workers.head_watch import wait_for_head as wait_for_head
from workers.item_files import ItemsDamaged as ItemsDamaged
from workers.item_files import read_items as read_items
from workers.local_process import ChildEnded as ChildEnded
from workers.local_process import ChildKilled as ChildKilled
from workers.local_process import LocalProcess as LocalProcess
from workers.local_process import run_local as run_local
from workers.node_facts import code_hash as code_hash
from workers.ray_actors import _Actor as _Actor
from workers.ray_pool import RayPool as RayPool
from workers.slots import Node as Node
from workers.slots import Slot as Slot
from workers.slots import WorkerLost as WorkerLost
from workers.slots import fitting as fitting
from workers.trial_log import trial_log_path as trial_log_path


class Pool(Protocol):
    """Where trials run. One trial a worker, or `packed_trials`; `acquire` says whether another may
    start.
    """

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def cluster_resources(self) -> dict[str, float]:
        """Totals by Ray's names, e.g. CPU."""
        ...

    def nodes(self) -> list[Node]:
        """The machines, and which of them no trial goes to, and why."""
        ...

    async def is_reachable(self) -> bool:
        """Whether the cluster answers now."""
        ...

    def num_slots(self, resources: Resources) -> int:
        """How many trials of these resources run at once."""
        ...

    def lacking(self, resources: Resources) -> frozenset[str]:
        """Which resources a trial waits for that finds no place, by Ray's names."""
        ...

    def acquire(self, resources: Resources) -> "Slot | None":
        """A place for one trial, or None while all are taken. Give it to `run`.

        Packed trials are given the same one, as often as it has seats.
        """
        ...

    async def run(self, slot: "Slot", spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        """One attempt; the slot is free again afterwards. Raises WorkerLost.

        Whoever leaves it before its end ends the worker, or of a pack's trials his own; such a
        worker takes no others, and ends with the last of those that it has.
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
