"""The next trial and its place: studies take turns, and none is passed over for ever.

A study that waits for a core, a whole machine or a GPU is not overtaken by others that would take
the same again and again; those that need nothing of what it waits for go on. One whose machine has
left the cluster stands in nobody's way.
"""

from collections import deque

from db.database import Database
from db.turns import first_specs, turns
from mixtures.study import Resources
from mixtures.trial import TrialSpec
from workers.pool import Pool, Slot

# Read at once while one study alone has trials: to ask whose turn it is takes a third of a claim.
NUM_AHEAD = 32


class NextTrials:
    """Says what to start now, and where. What it has read ahead is dropped by `forget`: whoever
    changes studies or trials calls it. A trial that has been cancelled meanwhile is found out by
    the claim.
    """

    def __init__(self, database: Database, pool: Pool) -> None:
        self._database, self._pool = database, pool
        self._ahead: deque[TrialSpec] = deque()

    def forget(self) -> None:
        self._ahead.clear()

    def take(self) -> tuple[TrialSpec, Slot] | None:
        """None while nothing waits that finds a place."""
        return self.take_ahead() if self._ahead else self._look()

    def take_ahead(self) -> tuple[TrialSpec, Slot] | None:
        """The same of what has been read ahead, without a look into the database."""
        if not self._ahead:
            return None
        slot = self._pool.acquire(self._ahead[0].resources)
        # Nobody else waits whom a place without room for these would do.
        return None if slot is None else (self._ahead.popleft(), slot)

    def _look(self) -> tuple[TrialSpec, Slot] | None:
        awaited: frozenset[str] = frozenset()
        with self._database.read() as session:
            found = turns(session)
            is_alone = len(found) == 1 and not found[0].is_limited
            for turn in found:
                spec, *more = first_specs(session, turn, NUM_AHEAD if is_alone else 1)
                if awaited & _needs(spec.resources):
                    continue
                slot = self._pool.acquire(spec.resources)
                if slot is not None:
                    self._ahead.extend(more)
                    return spec, slot
                if self._pool.num_slots(spec.resources) > 0:
                    awaited |= self._pool.lacking(spec.resources)
                if "CPU" in awaited:
                    return None  # which every trial needs
        return None


def _needs(resources: Resources) -> frozenset[str]:
    return frozenset({"CPU", "GPU"} if resources.gpus_per_trial else {"CPU"})
