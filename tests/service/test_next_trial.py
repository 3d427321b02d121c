"""The next trial and its place: who waits for what, and whom that holds up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db import trials
from db.database import Database
from db.labels import change_study
from db.studies import insert_study
from mixtures.design import first_trials
from mixtures.labels import StudyChange
from mixtures.study import Resources
from service.next_trial import next_trial
from tests.mixtures.share_study import make_study
from workers.pool import Node, Slot
from workers.slots import Slots


class Places:
    """A pool of the given machines, as far as places go."""

    def __init__(self, *nodes: tuple[float, float]) -> None:
        named = [
            Node(id=str(place), name="", cpus=cpus, gpus=gpus, state="ok")
            for place, (cpus, gpus) in enumerate(nodes)
        ]
        self.slots = Slots({one.id: one for one in named})
        self.num_slots, self.lacking = self.slots.num_slots, self.slots.lacking

    def acquire(self, resources: Resources) -> Slot | None:
        found = self.slots.place(resources)
        if found is None:
            return None
        slot = Slot(resources, None, is_taken=True, node=found[0].id)
        self.slots.all.append(slot)
        return slot


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "decaymix.duckdb")
    yield database
    database.close()


def submit(database: Database, name: str, **resources: float) -> None:
    study = make_study(name=name, resources=resources)
    with database.write() as session:
        insert_study(session, name, study, "{}")
        trials.insert_trials(session, first_trials(study, name, {}))


def begin_all(database: Database, pool: Any) -> str:
    """Start what finds a place; the studies in this order."""
    begun = ""
    while True:
        found = next_trial(database, pool)
        if found is None:
            return begun
        spec, slot = found
        assert slot.resources == spec.resources
        with database.write() as session:
            assert trials.claim(session, spec.trial_id) is not None
            begun += spec.study_id


def test_studies_share_the_cores(database: Database) -> None:
    submit(database, "a")
    submit(database, "b")
    assert begin_all(database, Places((4, 0))) == "abab"


def test_a_study_that_waits_for_a_whole_machine_is_not_overtaken(database: Database) -> None:
    submit(database, "s")
    pool = Places((4, 0))
    assert begin_all(database, pool) == "ssss"
    submit(database, "l", cpus_per_trial=4)
    with database.write() as session:
        change_study(session, "l", StudyChange(priority=1))
    for slot in list(pool.slots.all):
        # One small trial after another ends; no other may begin in its place.
        pool.slots.remove(slot)
        begun = begin_all(database, pool)
    assert begun == "l"


def test_who_waits_for_a_gpu_holds_up_nobody_who_needs_none(database: Database) -> None:
    submit(database, "g", gpus_per_trial=1)
    submit(database, "s")
    assert begin_all(database, Places((8, 1))) == "gsssssss"


def test_a_study_whose_machine_has_left_stands_in_nobodys_way(database: Database) -> None:
    submit(database, "l", cpus_per_trial=16)
    submit(database, "s")
    assert begin_all(database, Places((2, 0))) == "ss"
