"""The loop, on a real database and threads in place of Ray."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from db import trials
from db.attempts import list_attempts
from db.database import Database
from mixtures.design import first_trials
from mixtures.retries import Retries
from mixtures.study import Resources
from mixtures.trial import TrialFailure, TrialResult, TrialSpec, TrialState
from service import scheduler as scheduler_module
from service.events import Events
from service.scheduler import Scheduler
from tests.mixtures.share_study import make_study
from tests.service.pretend_runner import PretendRunner
from tests.service.thread_pool import ThreadPool
from workers.pool import Slot, WorkerLost


@dataclass(kw_only=True)
class DyingPool(ThreadPool):
    """Loses the worker of every attempt in `deaths`, given as (share, seed, attempt)."""

    deaths: set[tuple[float, int, int]] = field(default_factory=set)

    async def run(self, slot: Slot, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        if (spec.sft_share, spec.seed, attempt) in self.deaths:
            self.release(slot)
            raise WorkerLost("the worker was killed")
        return await super().run(slot, spec, attempt)


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_module, "TICK_SECONDS", 0.02)


@pytest.fixture
def specs(database: Database) -> list[TrialSpec]:
    """Shares 0, 1 and 0.5 with seeds 0 and 1, waiting in the database."""
    study = make_study(space={"sft_share": [0.0, 0.5, 1.0]}, baselines={"pretrain_only": 0.0})
    specs = first_trials(study, "study-1", {})
    with database.write() as session:
        trials.insert_trials(session, specs)
    return specs


def states(database: Database) -> list[TrialState]:
    with database.read() as session:
        return [trial.state for trial in trials.list_trials(session, "study-1")]


def attempts(database: Database) -> list[int]:
    with database.read() as session:
        return [trial.attempt for trial in trials.list_trials(session, "study-1")]


def all_finished(database: Database) -> bool:
    return all(state.is_finished for state in states(database))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


def run_with(
    database: Database,
    pool: ThreadPool,
    body: Callable[[Scheduler], Awaitable[None]],
    events: Events | None = None,
    retries: Retries | None = None,
) -> None:
    """Start a scheduler, run `body`, stop it."""

    async def main() -> None:
        scheduler = Scheduler(database, pool, events or Events(), retries=retries)
        await scheduler.start()
        try:
            await body(scheduler)
        finally:
            await scheduler.stop()

    asyncio.run(main())


def test_all_trials_run_in_order_and_are_recorded(
    database: Database, specs: list[TrialSpec]
) -> None:
    runner = PretendRunner()

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    run_with(database, ThreadPool(runner=runner, num_workers=1), body)
    assert states(database) == [TrialState.COMPLETE] * 6
    # One worker takes them one after another.
    assert runner.attempts == [(spec.sft_share, spec.seed, 1) for spec in specs]


def test_no_more_trials_run_than_there_are_places(
    database: Database, specs: list[TrialSpec]
) -> None:
    gate = threading.Event()

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: states(database).count(TrialState.RUNNING) == 2)
        await asyncio.sleep(0.1)
        assert states(database)[:2] == [TrialState.RUNNING] * 2
        assert states(database)[2:] == [TrialState.WAITING] * 4
        gate.set()
        await until(lambda: all_finished(database))

    run_with(database, ThreadPool(runner=PretendRunner(gate=gate), num_workers=2), body)


def test_a_trial_whose_worker_is_lost_runs_again(
    database: Database, specs: list[TrialSpec]
) -> None:
    pool = DyingPool(runner=PretendRunner(), deaths={(1.0, 0, 1)})

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    run_with(database, pool, body)
    assert states(database) == [TrialState.COMPLETE] * 6
    assert attempts(database) == [1, 2, 1, 1, 1, 1]
    with database.read() as session:
        result = trials.get_trial(session, specs[1].trial_id).result
    assert result is not None
    assert result.attempt == 2


def test_a_trial_that_kills_its_worker_each_time_fails_and_the_rest_goes_on(
    database: Database, specs: list[TrialSpec]
) -> None:
    deaths = {(1.0, 0, attempt) for attempt in (1, 2, 3)}

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    run_with(database, DyingPool(runner=PretendRunner(), deaths=deaths), body)
    assert states(database) == [
        TrialState.COMPLETE,
        TrialState.FAILED,
        *[TrialState.COMPLETE] * 4,
    ]
    with database.read() as session:
        failure = trials.get_trial(session, specs[1].trial_id).failure
    assert failure is not None
    assert failure.kind == "lost"
    assert "the worker was killed" in failure.message


def test_a_trial_that_raises_fails_and_the_rest_goes_on(
    database: Database, specs: list[TrialSpec]
) -> None:
    runner = PretendRunner(fail={0.5: ZeroDivisionError("by zero")})

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    run_with(database, ThreadPool(runner=runner), body)
    assert [state for state, spec in zip(states(database), specs, strict=True)] == [
        TrialState.FAILED if spec.sft_share == 0.5 else TrialState.COMPLETE for spec in specs
    ]


def test_a_running_trial_can_be_cancelled(database: Database, specs: list[TrialSpec]) -> None:
    gate = threading.Event()

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: states(database)[0] is TrialState.RUNNING)
        with database.write() as session:
            trials.cancel(session, specs[0].trial_id)
        scheduler.cancel(specs[0].trial_id)
        await until(lambda: states(database)[0] is TrialState.CANCELLED)
        gate.set()
        await until(lambda: all_finished(database))

    run_with(database, ThreadPool(runner=PretendRunner(gate=gate), num_workers=1), body)
    assert states(database) == [TrialState.CANCELLED, *[TrialState.COMPLETE] * 5]


def test_stopping_leaves_trials_for_the_next_start(
    database: Database, specs: list[TrialSpec]
) -> None:
    gate = threading.Event()

    async def first(scheduler: Scheduler) -> None:
        await until(lambda: states(database).count(TrialState.RUNNING) == 2)
        assert scheduler.is_alive

    async def second(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    run_with(database, ThreadPool(runner=PretendRunner(gate=gate)), first)
    # Stopped in good order, which says nothing against them.
    assert states(database) == [TrialState.WAITING] * 6
    with database.read() as session:
        ended = list_attempts(session, specs[0].trial_id)
    assert [(one.outcome, one.kind) for one in ended] == [("STOPPED", "stopped")]
    gate.set()
    run_with(database, ThreadPool(runner=PretendRunner()), second)
    assert states(database) == [TrialState.COMPLETE] * 6
    assert attempts(database) == [2, 2, 1, 1, 1, 1]


def test_a_scheduler_that_stopped_is_not_alive(database: Database) -> None:
    kept: list[Scheduler] = []

    async def body(scheduler: Scheduler) -> None:
        assert scheduler.is_alive
        kept.append(scheduler)

    run_with(database, ThreadPool(runner=PretendRunner()), body)
    assert not kept[0].is_alive


def test_waking_finds_new_trials_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "TICK_SECONDS", 1000.0)
    spec = first_trials(make_study(space={"sft_share": [0.5]}), "study-1", {})[0]

    async def body(scheduler: Scheduler) -> None:
        await asyncio.sleep(0.05)
        with database.write() as session:
            trials.insert_trials(session, [spec])
        scheduler.wake()
        await until(lambda: states(database) == [TrialState.COMPLETE])

    run_with(database, ThreadPool(runner=PretendRunner()), body)


def test_events_tell_of_every_change_and_of_progress(
    database: Database, specs: list[TrialSpec]
) -> None:
    gate, events = threading.Event(), Events()
    heard: list[tuple[str, dict[str, Any]]] = []

    async def listen() -> None:
        async for told in events.listen("study-1"):
            heard.extend((event.name, json.loads(event.data)) for event in told)

    async def body(scheduler: Scheduler) -> None:
        listener = asyncio.create_task(listen())
        await until(lambda: any(event == "progress" for event, _ in heard))
        assert [p.trial_id for p in scheduler.progress_of("study-1")] == [specs[0].trial_id]
        assert scheduler.progress_of("another") == []
        gate.set()
        await until(lambda: all_finished(database))
        events.close()
        await listener
        assert scheduler.progress_of("study-1") == []

    pool = ThreadPool(runner=PretendRunner(gate=gate), num_workers=1)
    run_with(database, pool, body, events)
    told = [
        (data["trial_id"], data["state"], data["attempt"])
        for event, data in heard
        if event == "trial"
    ]
    expected = [(spec.trial_id, state, 1) for spec in specs for state in ("RUNNING", "COMPLETE")]
    # The first RUNNING may be said before the listener is there; the last COMPLETE after it left.
    assert set(told) >= set(expected[1:-1])
    assert set(told) <= set(expected)


def test_a_place_is_given_back_when_the_trial_was_cancelled_meanwhile(
    database: Database, specs: list[TrialSpec]
) -> None:
    @dataclass(kw_only=True)
    class LatePool(ThreadPool):
        """Cancels the first trial between the look and the claim."""

        is_done: bool = False

        def acquire(self, resources: Resources) -> Slot | None:
            slot = super().acquire(resources)
            if not self.is_done:
                self.is_done = True
                with database.write() as session:
                    trials.cancel(session, specs[0].trial_id)
            return slot

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    run_with(database, LatePool(runner=PretendRunner(), num_workers=1), body)
    assert states(database) == [TrialState.CANCELLED, *[TrialState.COMPLETE] * 5]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("turns", range(5))
def test_stopping_ends_though_something_wakes_the_loop_at_that_moment(
    database: Database, specs: list[TrialSpec], turns: int
) -> None:
    async def main() -> None:
        scheduler = Scheduler(database, ThreadPool(runner=PretendRunner(), num_workers=0), Events())
        await scheduler.start()
        await asyncio.sleep(0)
        scheduler.wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await scheduler.stop()

    asyncio.run(main())


@dataclass(kw_only=True)
class DefectivePool(ThreadPool):
    """Its first attempts end by an error of its own, which is neither a result nor a loss."""

    num_defects: int

    async def run(self, slot: Slot, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        if self.num_defects > 0:
            self.num_defects -= 1
            self.release(slot)
            raise OSError("no space left on device")
        return await super().run(slot, spec, attempt)


def test_a_trial_that_nothing_runs_does_not_stay_running(
    database: Database, specs: list[TrialSpec]
) -> None:
    async def body(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    pool = DefectivePool(runner=PretendRunner(), num_workers=1, num_defects=1)
    run_with(database, pool, body)
    assert states(database) == [TrialState.COMPLETE] * 6
    assert attempts(database) == [2, 1, 1, 1, 1, 1]


def test_a_trial_that_nothing_runs_is_tried_as_often_as_was_set(
    database: Database, specs: list[TrialSpec]
) -> None:
    async def body(scheduler: Scheduler) -> None:
        await until(lambda: all_finished(database))

    pool = DefectivePool(runner=PretendRunner(), num_workers=1, num_defects=1)
    run_with(database, pool, body, retries=Retries(lost=1))
    assert states(database) == [TrialState.FAILED] + [TrialState.COMPLETE] * 5


def test_an_outcome_and_the_claim_that_follows_it_are_one_commit(
    database: Database, specs: list[TrialSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "TICK_SECONDS", 1000.0)  # nothing is looked at anew
    commits: list[float] = []

    async def body(scheduler: Scheduler) -> None:
        commits.clear()
        await until(lambda: all_finished(database))

    database.on_commit = commits.append
    runner = PretendRunner(fail={1.0: ValueError("too much arithmetic")})
    run_with(database, ThreadPool(runner=runner, num_workers=1), body)
    # The first claim, and six outcomes, five of them with the claim of the trial after.
    assert len(commits) == 7
    assert runner.attempts == [(spec.sft_share, spec.seed, 1) for spec in specs]
    assert sorted(states(database)) == [TrialState.COMPLETE] * 4 + [TrialState.FAILED] * 2


def test_what_ends_while_the_scheduler_stops_is_recorded_and_nothing_begins(
    database: Database, specs: list[TrialSpec]
) -> None:
    class Finishing(ThreadPool):
        """Its trials come to their end when they are told to stop."""

        def stop_trials(self) -> None:
            gate.set()

    gate = threading.Event()

    async def body(scheduler: Scheduler) -> None:
        await until(lambda: states(database).count(TrialState.RUNNING) == 2)

    run_with(database, Finishing(runner=PretendRunner(gate=gate)), body)
    assert states(database) == [TrialState.COMPLETE] * 2 + [TrialState.WAITING] * 4
    assert attempts(database) == [1, 1, 0, 0, 0, 0]
