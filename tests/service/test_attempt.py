"""One attempt: its lease, its limit, and a database that takes no write for a while."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from db import trials
from db.attempts import list_attempts
from db.database import Database, DatabaseFailed, Session
from mixtures.design import first_trials
from mixtures.study import Resources
from mixtures.trial import TrialFailure, TrialResult, TrialSpec, TrialState
from service import attempt as attempt_module
from service import scheduler as scheduler_module
from service import steady_loop
from service.clock import Clock
from service.events import Events
from service.scheduler import Scheduler
from tests.mixtures.share_study import make_study
from tests.service.pretend_runner import PretendRunner
from tests.service.test_scheduler import run_with, until
from tests.service.thread_pool import ThreadPool
from workers.pool import Slot


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_module, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(attempt_module, "RECORD_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(steady_loop, "PAUSE_SECONDS", 0.02)


def one_trial(database: Database, **resources: float) -> TrialSpec:
    study = make_study(space={"sft_share": [0.5]}, resources=resources)
    spec = first_trials(study, "study-1", {})[0]
    with database.write() as session:
        trials.insert_trials(session, [spec])
    return spec


def ends(database: Database, spec: TrialSpec) -> list[tuple[str, str | None]]:
    with database.read() as session:
        return [(one.outcome, one.kind) for one in list_attempts(session, spec.trial_id)]


def state(database: Database, spec: TrialSpec) -> TrialState:
    with database.read() as session:
        return trials.get_trial(session, spec.trial_id).state


@dataclass(kw_only=True)
class SilentPool(ThreadPool):
    """Its workers hang: they hold their trial and say nothing, for the first `num_silent` tries."""

    num_silent: int = 0
    ended: list[int] = field(default_factory=list)

    async def run(self, slot: Slot, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        if attempt > self.num_silent:
            return await super().run(slot, spec, attempt)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.ended.append(attempt)
            self.release(slot)
            raise
        raise AssertionError


def test_a_worker_that_is_silent_for_a_lease_has_lost_its_trial(database: Database) -> None:
    spec = one_trial(database)
    pool = SilentPool(runner=PretendRunner(), num_silent=1)

    async def main() -> None:
        scheduler = Scheduler(database, pool, Events(), lease_seconds=1.0)
        await scheduler.start()
        await until(lambda: state(database, spec).is_finished)
        await scheduler.stop()

    asyncio.run(main())
    assert ends(database, spec) == [("LOST", "lost"), ("COMPLETE", None)]
    # It was ended, not left to hold its cores.
    assert pool.ended == [1]


def test_a_worker_that_says_where_it_stands_keeps_its_trial(database: Database) -> None:
    spec = one_trial(database)
    gate = threading.Event()

    async def main() -> None:
        pool = ThreadPool(runner=PretendRunner(gate=gate))
        scheduler = Scheduler(database, pool, Events(), lease_seconds=2.0)
        await scheduler.start()
        # Longer than the first lease and some more.
        await asyncio.sleep(5.0)
        gate.set()
        await until(lambda: state(database, spec).is_finished)
        await scheduler.stop()

    asyncio.run(main())
    assert ends(database, spec) == [("COMPLETE", None)]


def test_an_attempt_that_takes_too_long_is_ended_and_tried_once_more(database: Database) -> None:
    spec = one_trial(database, timeout_seconds=0.1)
    assert spec.resources == Resources(timeout_seconds=0.1)
    pool = ThreadPool(runner=PretendRunner(gate=threading.Event()))

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: state(database, spec).is_finished)

    run_with(database, pool, body)
    assert state(database, spec) is TrialState.FAILED
    assert ends(database, spec) == [("FAILED", "timeout")] * 2
    with database.read() as session:
        failure = trials.get_trial(session, spec.trial_id).failure
    assert failure is not None
    assert failure.message == "timeout 2 times; last: ran longer than 0.1 seconds"


def test_a_limit_is_no_part_of_a_study_that_does_not_name_it() -> None:
    assert "timeout" not in make_study().canonical()


class FullDisk(Database):
    """Takes no write while `is_full`."""

    is_full = False

    @contextmanager
    def write(self) -> Iterator[Session]:
        with super().write() as session:
            yield session
            if self.is_full:
                raise DatabaseFailed("COMMIT", None, OSError("disk full"))


def test_a_result_waits_for_a_disk_that_is_full(tmp_path: Path) -> None:
    database = FullDisk(tmp_path / "decaymix.duckdb")
    spec = one_trial(database)
    gate = threading.Event()
    runner = PretendRunner(gate=gate)

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: state(database, spec) is TrialState.RUNNING)
        database.is_full = True
        gate.set()
        await asyncio.sleep(0.3)
        assert state(database, spec) is TrialState.RUNNING
        database.is_full = False
        await until(lambda: state(database, spec).is_finished)

    run_with(database, ThreadPool(runner=runner), body)
    # Trained once, and its only attempt has the result.
    assert len(runner.attempts) == 1
    assert ends(database, spec) == [("COMPLETE", None)]
    database.close()


def test_a_claim_that_a_full_disk_refuses_holds_no_worker(tmp_path: Path) -> None:
    database = FullDisk(tmp_path / "decaymix.duckdb")
    pool = ThreadPool(runner=PretendRunner(), num_workers=1)

    async def body(scheduler: Scheduler) -> None:
        spec = one_trial(database)
        database.is_full = True
        await until(lambda: "disk full" in scheduler.state)
        assert pool._slots == []
        database.is_full = False
        await until(lambda: state(database, spec).is_finished)
        await until(lambda: scheduler.state == "ok")
        assert ends(database, spec) == [("COMPLETE", None)]

    run_with(database, pool, body)
    database.close()


def test_a_disk_that_is_full_at_the_end_of_a_trial_takes_nothing_from_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is looked at anew: the next trial stays known, its claim is tried with the outcome.
    monkeypatch.setattr(scheduler_module, "TICK_SECONDS", 1000.0)
    database = FullDisk(tmp_path / "decaymix.duckdb")
    specs = first_trials(make_study(space={"sft_share": [0.5]}), "study-1", {})
    with database.write() as session:
        trials.insert_trials(session, specs)
    gate = threading.Event()
    runner = PretendRunner(gate=gate)
    pool = ThreadPool(runner=runner, num_workers=1)
    first, second = specs[:2]

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: state(database, first) is TrialState.RUNNING)
        database.is_full = True
        gate.set()
        await until(lambda: pool._slots == [])
        await asyncio.sleep(0.2)
        # Neither of the two: the outcome waits in memory, and the next trial on the disk.
        assert state(database, first) is TrialState.RUNNING
        assert (state(database, second), ends(database, second)) == (TrialState.WAITING, [])
        database.is_full = False
        await until(lambda: all(state(database, spec).is_finished for spec in specs))

    run_with(database, pool, body)
    assert all(ends(database, spec) == [("COMPLETE", None)] for spec in specs)
    assert runner.attempts == [(spec.sft_share, spec.seed, 1) for spec in specs]
    database.close()


def test_nothing_begins_while_the_disk_has_no_room(database: Database) -> None:
    spec = one_trial(database)
    room = [False]

    async def main() -> None:
        pool = ThreadPool(runner=PretendRunner())
        scheduler = Scheduler(database, pool, Events(), has_room=lambda: room[0])
        await scheduler.start()
        await asyncio.sleep(0.2)
        assert state(database, spec) is TrialState.WAITING
        room[0] = True
        await until(lambda: state(database, spec).is_finished)
        await scheduler.stop()

    asyncio.run(main())


def test_a_clock_that_is_set_ends_no_attempt(database: Database) -> None:
    spec = one_trial(database)
    gate = threading.Event()
    hand = [1000.0]
    clock = Clock(lambda: hand[0], lambda: 0.0)

    async def main() -> None:
        pool = ThreadPool(runner=PretendRunner(gate=gate))
        scheduler = Scheduler(database, pool, Events(), clock=clock)
        await scheduler.start()
        await until(lambda: state(database, spec) is TrialState.RUNNING)
        hand[0] += 86_400.0
        scheduler.wake()
        await asyncio.sleep(0.1)
        with database.read() as session:
            (attempt,) = list_attempts(session, spec.trial_id)
            trial = trials.get_trial(session, spec.trial_id)
        # It began as long ago as before, by the new time of day.
        assert trial.started_at is not None
        assert abs((trial.started_at - attempt.started_at).total_seconds()) < 5
        assert (attempt.started_at - trial.created_at).total_seconds() > 86_000
        gate.set()
        await until(lambda: state(database, spec).is_finished)
        await scheduler.stop()

    asyncio.run(main())
    assert ends(database, spec) == [("COMPLETE", None)]
