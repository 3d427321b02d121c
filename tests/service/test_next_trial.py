"""The next trial and its place: who waits for what, and whom that holds up."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db import trials
from db.database import Database
from db.labels import change_study
from db.studies import insert_study
from db.turns import Turn, turns
from mixtures.design import first_trials
from mixtures.labels import StudyChange
from mixtures.study import Resources
from service.next_trial import NUM_AHEAD, NextTrials
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
        slot = Slot(resources, None, num_taken=1, node=found[0].id)
        self.slots.all.append(slot)
        return slot


def submit(database: Database, name: str, **resources: float) -> None:
    study = make_study(name=name, resources=resources)
    with database.write() as session:
        insert_study(session, name, study, "{}")
        trials.insert_trials(session, first_trials(study, name, {}))


def begin_all(database: Database, pool: Any) -> str:
    """Start what finds a place; the studies in this order."""
    begun = ""
    while True:
        found = NextTrials(database, pool).take()
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


def claimed(database: Database, ahead: NextTrials) -> str:
    """The study of the trial that is begun next."""
    found = ahead.take()
    assert found is not None
    with database.write() as session:
        assert trials.claim(session, found[0].trial_id) is not None
    return found[0].study_id


def test_a_study_alone_is_read_ahead_until_something_changes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(database, "a")
    looks: list[int] = []

    def counted(session: Session) -> list[Turn]:
        looks.append(1)
        return turns(session)

    monkeypatch.setattr("service.next_trial.turns", counted)
    ahead = NextTrials(database, Places((40, 0)))
    assert [claimed(database, ahead) for _ in range(3)] == ["a"] * 3
    assert len(looks) == 1
    submit(database, "b")
    ahead.forget()
    # b has nothing running yet: it catches up, and both take turns, looked up each time.
    assert "".join(claimed(database, ahead) for _ in range(5)) == "bbbab"
    assert len(looks) == 6


def test_the_order_read_ahead_is_the_order_of_the_trials(database: Database) -> None:
    submit(database, "a")
    with database.read() as session:
        expected = [one.spec.trial_id for one in trials.list_trials(session, "a")]
    ahead, found = NextTrials(database, Places((40, 0))), []
    while (one := ahead.take()) is not None:
        found.append(one[0].trial_id)
        with database.write() as session:
            trials.claim(session, one[0].trial_id)
    assert found == expected
    assert 1 < len(expected) <= NUM_AHEAD


def test_nothing_is_read_ahead_of_a_study_that_may_run_so_many(database: Database) -> None:
    submit(database, "a")
    with database.write() as session:
        change_study(session, "a", StudyChange(max_running=2))
    ahead = NextTrials(database, Places((40, 0)))
    assert [claimed(database, ahead) for _ in range(2)] == ["a", "a"]
    assert ahead.take() is None


def test_what_finds_no_place_waits_for_one_and_is_not_looked_up_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(database, "a")
    pool = Places((2, 0))
    ahead = NextTrials(database, pool)
    assert claimed(database, ahead) == "a"
    monkeypatch.setattr("service.next_trial.turns", None)  # to call it would fail
    assert claimed(database, ahead) == "a"
    assert ahead.take() is None
    pool.slots.remove(pool.slots.all[0])
    assert claimed(database, ahead) == "a"
