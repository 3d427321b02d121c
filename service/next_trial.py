"""The next trial and its place: studies take turns, and none is passed over for ever.

A study that waits for a core, a whole machine or a GPU is not overtaken by others that would take
the same again and again; those that need nothing of what it waits for go on. One whose machine has
left the cluster stands in nobody's way.
"""

from db.database import Database
from db.turns import spec_at, turns
from mixtures.study import Resources
from mixtures.trial import TrialSpec
from workers.pool import Pool, Slot


def next_trial(database: Database, pool: Pool) -> tuple[TrialSpec, Slot] | None:
    """What to start now, and where; None while nothing waits that finds a place."""
    awaited: frozenset[str] = frozenset()
    with database.read() as session:
        for turn in turns(session):
            spec = spec_at(session, turn)
            if awaited & _needs(spec.resources):
                continue
            slot = pool.acquire(spec.resources)
            if slot is not None:
                return spec, slot
            if pool.num_slots(spec.resources) > 0:
                awaited |= pool.lacking(spec.resources)
            if "CPU" in awaited:
                return None  # which every trial needs
    return None


def _needs(resources: Resources) -> frozenset[str]:
    return frozenset({"CPU", "GPU"} if resources.gpus_per_trial else {"CPU"})
