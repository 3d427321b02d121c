"""Which worker stands on which machine, and where another fits: a trial cannot lie on two.

Pure bookkeeping. Ray is told where each worker goes, so that a count made here is what there is.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from mixtures.study import Resources
from mixtures.value import Value

# Ray counts in ten-thousandths.
_ROUNDING = 1e-9
_STEPS = 10_000


class WorkerLost(RuntimeError):
    """The worker died with the attempt on it: the attempt is lost, the trial is not."""

    def __init__(self, reason: str, kind: Literal["lost", "out_of_memory"] = "lost") -> None:
        super().__init__(reason)
        self.kind: Literal["lost", "out_of_memory"] = kind


class Node(Value):
    """A machine of the cluster. Trials go to it while it is `ok`; `reason` says why one is refused.

    `has_own_home`: data and checkpoints are sent to it, results are sent back.
    """

    id: str
    name: str
    cpus: float
    gpus: float = 0.0
    state: Literal["checking", "ok", "refused"] = "checking"
    reason: str = ""
    has_own_home: bool = False


@dataclass(slots=True, eq=False)
class Slot:
    """One worker's place: its resources, its machine and, in `worker`, the actor or object.

    It has a seat for each of `packed_trials`, `num_taken` of them with a trial. One that `is_left`
    by a trial before its end takes no other, and ends with those that it has.
    """

    resources: Resources
    worker: Any
    num_taken: int = 0
    node: str = ""
    is_left: bool = False

    @property
    def is_taken(self) -> bool:
        return self.num_taken > 0

    @property
    def has_seat(self) -> bool:
        return self.num_taken < self.resources.packed_trials and not self.is_left


def gpu_share(resources: Resources) -> float:
    """What a trial takes of GPUs: of one, an equal part, as many as fit; or whole ones.

    A part that leaves a rest too small for another takes its share of the rest, so that what is
    left over of two GPUs is never taken for room on one.
    """
    wanted = resources.gpus_per_trial
    if 0 < wanted < 1:
        return math.floor(_STEPS / math.floor(1 / wanted + _ROUNDING)) / _STEPS
    return wanted


def fitting(cpus: float, gpus: float, resources: Resources) -> int:
    """How many workers of these resources fit into one machine's cores and GPUs."""
    fit = int(cpus / resources.cpus_per_trial + _ROUNDING)
    if resources.gpus_per_trial:
        fit = min(fit, int(gpus / gpu_share(resources) + _ROUNDING))
    return max(0, fit)


@dataclass(slots=True)
class Slots:
    """All machines that Ray has and all workers on them."""

    nodes: dict[str, Node] = field(default_factory=dict)
    all: list[Slot] = field(default_factory=list)

    def num_slots(self, resources: Resources) -> int:
        """How many trials of these resources run at once, where no others do."""
        workers = sum(fitting(one.cpus, one.gpus, resources) for one in self._usable())
        return workers * resources.packed_trials

    def with_seat(self, resources: Resources) -> Slot | None:
        """A worker of this shape that has a seat, and its recipe in memory. The fullest: a pack
        takes as long for one trial as for all that it has seats for.
        """
        found = [
            slot
            for slot in self.all
            if slot.has_seat and slot.resources == resources and self._is_usable(slot.node)
        ]
        return max(found, key=lambda slot: slot.num_taken, default=None)

    def place(self, resources: Resources) -> tuple[Node, list[Slot]] | None:
        """The emptiest machine where a new worker fits, and the idle ones that must end for it."""
        best: tuple[float, Node, list[Slot]] | None = None
        for node in self._usable():
            ended: list[Slot] = []
            idle = [one for one in self.all if one.node == node.id and not one.is_taken]
            cpus, gpus = self._free(node)
            while fitting(cpus, gpus, resources) < 1 and idle:
                ended.append(idle.pop(0))
                cpus += ended[-1].resources.cpus_per_trial
                gpus += gpu_share(ended[-1].resources)
            if fitting(cpus, gpus, resources) >= 1:
                rank = cpus - 1e6 * len(ended)
                if best is None or rank > best[0]:
                    best = rank, node, ended
        return None if best is None else (best[1], best[2])

    def lacking(self, resources: Resources) -> frozenset[str]:
        """What a trial waits for: Ray's names of what no machine has enough of free.

        Both where the cores of one machine and the GPUs of another are free.
        """
        lacks: set[str] = set()
        for node in self._usable():
            cpus, gpus = self._free(node, with_idle=True)
            if cpus + _ROUNDING < resources.cpus_per_trial:
                lacks.add("CPU")
            if gpus + _ROUNDING < gpu_share(resources):
                lacks.add("GPU")
        return frozenset(lacks or {"CPU", "GPU"})

    def follow(self, found: list[Node]) -> tuple[list[Node], list[Node]]:
        """Take in what Ray has now. New machines are still to be checked; those that went away
        are returned too, their workers are forgotten.
        """
        now = {one.id: one for one in found}
        new = [one for one in found if one.id not in self.nodes]
        gone = [one for one in self.nodes.values() if one.id not in now]
        for one in gone:
            del self.nodes[one.id]
        self.all = [one for one in self.all if one.node not in {node.id for node in gone}]
        self.nodes |= {one.id: one for one in new}
        return new, gone

    def forget(self) -> None:
        """All of it: Ray has ended, or died."""
        self.nodes, self.all = {}, []

    def remove(self, slot: Slot) -> None:
        """Also of a machine that went away meanwhile."""
        self.all = [one for one in self.all if one is not slot]

    def _usable(self) -> list[Node]:
        return [one for one in self.nodes.values() if one.state == "ok"]

    def _is_usable(self, node: str) -> bool:
        return node in self.nodes and self.nodes[node].state == "ok"

    def _free(self, node: Node, with_idle: bool = False) -> tuple[float, float]:
        here = [one for one in self.all if one.node == node.id]
        held = [one for one in here if one.is_taken or not with_idle]
        return (
            node.cpus - sum(one.resources.cpus_per_trial for one in held),
            node.gpus - sum(gpu_share(one.resources) for one in held),
        )
