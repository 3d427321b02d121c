"""The pool over stand-ins for Ray's actors; tests/test_end_to_end.py has real ones."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import ray.exceptions

from mixtures.study import Resources
from mixtures.trial import Progress, TrialFailure, TrialResult
from mixtures.value import canonical_json
from tests.db.made_up import make_failure, make_result
from tests.mixtures.share_study import make_trial
from workers.config import WorkerConfig
from workers.node_facts import node_facts
from workers.pool import Node, RayPool, Slot, WorkerLost
from workers.ray_actors import _Actor
from workers.slots import Slots
from workers.trial_worker import TrialWorker

ONE_CORE, TWO_CORES = Resources(), Resources(cpus_per_trial=2)


# What a method answers that does not come back.
NEVER = object()


class Method:
    """An actor's method: `remote(...)` gives what can be awaited."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer, self.calls = answer, list[tuple[Any, ...]]()

    def remote(self, *arguments: Any) -> Awaitable[Any]:
        self.calls.append(arguments)

        async def answer() -> Any:
            if self._answer(*arguments) is NEVER:
                await asyncio.sleep(3600)
            found = self._answer(*arguments)
            if isinstance(found, Exception):
                raise found
            return found

        return asyncio.ensure_future(answer())


class Actor:
    """Answers with the given texts, or raises the given errors."""

    def __init__(self, run: Any = "", progress: Any = ()) -> None:
        self.run, self.progress = Method(lambda *_: run), Method(lambda *_: progress)
        self.cancel, self.stop = Method(lambda *_: None), Method(lambda *_: None)


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    killed: list[Any] = []
    monkeypatch.setattr("workers.ray_pool.ray.kill", killed.append)
    return killed


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RayPool:
    """On a cluster of four cores, whose actors are stand-ins."""

    class Remote:
        def options(self, **_: Any) -> "Remote":
            return self

        def remote(self, *_: Any) -> Actor:
            return Actor()

    monkeypatch.setattr("workers.ray_pool.ray.remote", lambda _: Remote())
    node = Node(id="d" * 56, name="here", cpus=4.0, state="ok")
    return RayPool(config=WorkerConfig(home=tmp_path, data_roots=()), _slots=Slots({node.id: node}))


def test_there_are_as_many_slots_as_fit_and_no_more(pool: RayPool) -> None:
    slots = [pool.acquire(ONE_CORE) for _ in range(4)]
    assert None not in slots
    assert len({id(slot) for slot in slots}) == 4
    assert pool.acquire(ONE_CORE) is None
    assert slots[1] is not None
    pool.release(slots[1])
    # The worker that is there already is taken again: it has its recipe in memory.
    assert pool.acquire(ONE_CORE) is slots[1]


def test_an_idle_worker_of_another_shape_makes_room(pool: RayPool, killed: list[Any]) -> None:
    slots = [pool.acquire(ONE_CORE) for _ in range(4)]
    assert slots[0] is not None and slots[3] is not None
    pool.release(slots[0])
    assert pool.acquire(TWO_CORES) is None  # three of four cores are busy
    pool.release(slots[3])
    assert pool.acquire(TWO_CORES) is not None
    assert killed == [slots[0].worker, slots[3].worker]
    assert pool.acquire(ONE_CORE) is None


def with_worker(pool: RayPool, actor: Actor) -> Slot:
    slot = Slot(ONE_CORE, actor, num_taken=1, node="d" * 56)
    pool._slots.all.append(slot)
    return slot


@pytest.mark.parametrize("outcome", [make_result("t", 3, math=1.5), make_failure("t", 3)])
def test_an_outcome_comes_back_and_frees_the_slot(
    pool: RayPool, outcome: TrialResult | TrialFailure
) -> None:
    kind = "result" if isinstance(outcome, TrialResult) else "failure"
    actor = Actor(run=f"{kind} {outcome.canonical()}")
    slot, spec = with_worker(pool, actor), make_trial()
    assert asyncio.run(pool.run(slot, spec, 3)) == outcome
    assert actor.run.calls == [(spec.canonical(), 3)]
    assert not slot.is_taken


@pytest.mark.parametrize(
    "error",
    [
        ray.exceptions.ActorDiedError(),
        ray.exceptions.ActorUnavailableError("the network is gone", None),
        ray.exceptions.OutOfMemoryError("the node is low on memory"),
        ray.exceptions.ObjectLostError("ab", None, ""),
        ray.exceptions.RayError(),
    ],
)
def test_whatever_keeps_the_answer_away_loses_the_attempt_and_the_worker(
    pool: RayPool, killed: list[Any], error: Exception
) -> None:
    slot = with_worker(pool, Actor(run=error))
    with pytest.raises(WorkerLost) as caught:
        asyncio.run(pool.run(slot, make_trial(), 1))
    assert str(caught.value)
    assert "\n" not in str(caught.value)
    is_out_of_memory = isinstance(error, ray.exceptions.OutOfMemoryError)
    assert caught.value.kind == ("out_of_memory" if is_out_of_memory else "lost")
    # No place is lost with it, and what may still hold its cores is ended.
    assert killed == [slot.worker]
    assert len([pool.acquire(ONE_CORE) for _ in range(4)]) == 4
    assert slot not in pool._slots.all


def test_progress_is_asked_of_busy_workers_and_silence_is_no_error(pool: RayPool) -> None:
    progress = Progress(trial_id="t", attempt=1, phase="decay", done=5, total=10)
    other = progress.model_copy(update={"trial_id": "u"})
    with_worker(pool, Actor(progress=[progress.canonical(), other.canonical()]))
    with_worker(pool, Actor(progress=ray.exceptions.ActorDiedError()))
    with_worker(pool, Actor(progress=[]))
    idle = with_worker(pool, Actor(progress=[progress.canonical()]))
    idle.num_taken = 0
    assert asyncio.run(pool.progress()) == [progress, other]
    assert idle.worker.progress.calls == []


def test_cancelling_is_said_to_every_busy_worker(pool: RayPool) -> None:
    busy, idle = with_worker(pool, Actor()), with_worker(pool, Actor())
    idle.num_taken = 0

    async def cancel() -> None:
        pool.cancel("t")

    asyncio.run(cancel())
    assert (busy.worker.cancel.calls, idle.worker.cancel.calls) == ([("t",)], [])


def test_stopping_is_said_to_every_worker(pool: RayPool) -> None:
    slots = with_worker(pool, Actor()), with_worker(pool, Actor())

    async def stop() -> None:
        pool.stop_trials()

    asyncio.run(stop())
    assert [slot.worker.stop.calls for slot in slots] == [[()], [()]]


def test_whoever_leaves_a_run_ends_its_worker(pool: RayPool, killed: list[Any]) -> None:
    actor = Actor()
    actor.run = Method(lambda *_: NEVER)
    slot = with_worker(pool, actor)

    async def leave() -> None:
        async with asyncio.timeout(0.05):
            await pool.run(slot, make_trial(), 1)

    with pytest.raises(TimeoutError):
        asyncio.run(leave())
    assert killed == [actor]
    assert slot not in pool._slots.all


def test_packed_trials_share_a_worker_that_ends_with_the_last_once_one_has_left(
    pool: RayPool, killed: list[Any]
) -> None:
    packed = Resources(cpus_per_trial=4, packed_trials=3)
    seats = [pool.acquire(packed) for _ in range(3)]
    slot = seats[0]
    assert slot is not None
    assert [one is slot for one in seats] == [True] * 3
    assert pool.acquire(packed) is None
    slot.worker.run = Method(lambda *_: NEVER)

    async def run(attempt: int, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            await pool.run(slot, make_trial(seed=attempt), attempt)

    async def both_leave() -> None:
        first = asyncio.ensure_future(run(1, 0.02))
        second = asyncio.ensure_future(run(2, 1.0))
        pool.release(slot)  # its trial was cancelled meanwhile
        await asyncio.wait([first])
        # The other goes on, and nobody new sits down.
        assert slot.worker.cancel.calls == [(make_trial(seed=1).trial_id,)]
        assert killed == []
        assert pool.acquire(packed) is None
        await asyncio.wait([second])
        for one in (first, second):
            assert isinstance(one.exception(), TimeoutError)

    asyncio.run(both_leave())
    assert killed == [slot.worker]
    assert pool.acquire(packed) is not slot


def test_a_worker_that_dies_loses_the_attempts_of_all_its_trials(
    pool: RayPool, killed: list[Any]
) -> None:
    packed = Resources(packed_trials=2)
    slot = pool.acquire(packed)
    assert slot is not None and pool.acquire(packed) is slot
    slot.worker.run = Method(lambda *_: ray.exceptions.ActorDiedError())

    async def run_both() -> list[Any]:
        runs = [pool.run(slot, make_trial(seed=seed), 1) for seed in (0, 1)]
        return await asyncio.gather(*runs, return_exceptions=True)

    lost = asyncio.run(run_both())
    assert [type(one) for one in lost] == [WorkerLost, WorkerLost]
    assert killed == [slot.worker]


def test_what_runs_on_a_ray_that_dies_is_lost(pool: RayPool, killed: list[Any]) -> None:
    actor = Actor()
    actor.run = Method(lambda *_: NEVER)
    slot = with_worker(pool, actor)

    async def die() -> None:
        runs = asyncio.ensure_future(pool.run(slot, make_trial(), 1))
        await asyncio.sleep(0.05)
        pool._slots.forget()
        pool._gone.set()
        await runs

    with pytest.raises(WorkerLost, match="Ray's head died"):
        asyncio.run(die())
    # There is no Ray left that it could be ended by.
    assert killed == []


def test_rays_folder_lies_under_a_home_whose_path_is_short(tmp_path: Path) -> None:
    def folder_of(home: Path) -> Path:
        return RayPool(config=WorkerConfig(home=home, data_roots=()))._ray_folder()

    # Sockets lie below it, and their paths end at 107 bytes.
    deep = folder_of(tmp_path / ("x" * 60))
    assert len(str(deep)) <= 40
    assert deep != folder_of(tmp_path / ("y" * 60))
    (deep / "left_behind").write_text("by a controller that was killed")
    assert folder_of(tmp_path / ("x" * 60)) == deep
    assert list(deep.iterdir()) == []
    assert deep.stat().st_mode & 0o077 == 0  # nobody else may look into it
    for home in ("x", "y"):
        folder_of(tmp_path / (home * 60)).rmdir()


def test_both_ends_of_an_actor_speak_json(tmp_path: Path) -> None:
    class Runner:
        def run(self, spec: Any, attempt: int, on_progress: Any) -> TrialResult:
            assert attempt == 2
            on_progress(Progress(trial_id=spec.trial_id, attempt=attempt, phase="start"))
            self.seen = actor.progress()
            if spec.seed == 1:
                raise RuntimeError("the disk sneezed")
            return make_result(spec.trial_id, attempt, math=1.0)

    runner = Runner()
    actor = _Actor(str(tmp_path), [], False)
    actor._worker = TrialWorker(runner)
    assert actor.progress() == []
    kind, _, body = actor.run(make_trial().canonical(), 2).partition(" ")
    assert kind == "result"
    assert TrialResult.model_validate_json(body) == make_result(make_trial().trial_id, 2, math=1.0)
    (seen,) = runner.seen
    assert Progress.model_validate_json(seen).phase == "start"
    kind, _, body = actor.run(make_trial(seed=1).canonical(), 2).partition(" ")
    assert kind == "failure"
    assert TrialFailure.model_validate_json(body).message == "RuntimeError: the disk sneezed"


def ray_says(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, dict[str, Any] | Exception]
) -> None:
    """Ray has these machines, and a process there answers with these facts, or does not."""

    class Asked:
        def __init__(self) -> None:
            self.node = ""

        def options(self, scheduling_strategy: Any, **_: Any) -> "Asked":
            self.node = scheduling_strategy.node_id
            return self

        def remote(self, *_: Any) -> Awaitable[Any]:
            found = answers[self.node]
            text = found if isinstance(found, Exception) else canonical_json(found)
            return Method(lambda: text).remote()

    tables = [
        {
            "NodeID": name,
            "Alive": True,
            "NodeManagerHostname": f"host-{name[0]}",
            "NodeManagerAddress": "10.0.0.1",
            "Resources": {"CPU": 2.0, "GPU": 1.0, "node:10.0.0.1": 1.0},
        }
        for name in answers
    ]
    monkeypatch.setattr("workers.ray_machines.ray.nodes", lambda: tables)
    monkeypatch.setattr("workers.ray_machines.ray.remote", lambda _: Asked())


def test_a_machine_of_other_code_gets_no_trials_and_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = node_facts(str(tmp_path), str(tmp_path)).model_dump(mode="json") | {"home": "/its/own"}
    a, b, c = "a" * 56, "b" * 56, "c" * 56
    answers: dict[str, dict[str, Any] | Exception] = {
        a: own,
        b: own | {"code": "0123"},
        c: ray.exceptions.RayError("No module named 'workers'"),
    }
    ray_says(monkeypatch, answers)
    pool = RayPool(config=WorkerConfig(home=tmp_path, data_roots=()), ray_address="10.0.0.1:6379")

    async def look() -> None:
        await pool._machines.look()
        assert [one.state for one in pool.nodes()] == ["checking"] * 3
        assert pool.num_slots(ONE_CORE) == 0
        await asyncio.gather(*pool._machines._tasks)

    asyncio.run(look())
    assert [one.state for one in pool.nodes()] == ["ok", "refused", "refused"]
    assert [one.has_own_home for one in pool.nodes()] == [True, False, False]
    assert "Decaymix's code is 0123 there" in pool.nodes()[1].reason
    assert pool.nodes()[2].reason == "cannot run this Decaymix: No module named 'workers'"
    assert "no trial goes to machine host-b (10.0.0.1): Decaymix's code" in caplog.text
    assert pool.num_slots(ONE_CORE) == 2
    # All three are the cluster's, whoever may use them.
    assert pool.cluster_resources() == {"CPU": 6.0, "GPU": 3.0}


def test_a_worker_whose_code_was_replaced_since_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the controller's is 0123"):
        _Actor(str(tmp_path), [], False, "0123")


def test_machines_that_leave_take_their_places_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = RayPool(config=WorkerConfig(home=tmp_path, data_roots=()))
    a, b = "a" * 56, "b" * 56
    sizes = []
    for there in ({a: {}}, {a: {}, b: {}}, {b: {}}, {}):
        ray_says(monkeypatch, dict(there))
        asyncio.run(pool._machines.look())
        sizes.append(pool.num_slots(ONE_CORE))
    assert sizes == [2, 4, 2, 0]


def test_each_ray_that_is_started_has_its_machines_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    class Counted:
        def __init__(self, *_: Any) -> None:
            made.append(self)

        async def start(self) -> None: ...

        async def stop(self) -> None: ...

    class Head:
        has_died = False

        async def until_dead(self) -> str:
            if self.has_died:
                await asyncio.sleep(3600)
            self.has_died = True
            return "killed"

    monkeypatch.setattr("workers.ray_pool.Machines", Counted)
    monkeypatch.setattr("workers.ray_pool.ray.shutdown", lambda: None)
    monkeypatch.setattr(RayPool, "_start", lambda self: None)
    pool = RayPool(config=WorkerConfig(home=tmp_path, data_roots=()))
    pool._head = Head()  # type: ignore[assignment]

    async def story() -> None:
        await pool._begin()
        assert made == [pool._machines]
        watches = asyncio.create_task(pool._begin_anew_when_dead())
        while len(made) < 2 or not pool._is_up:
            await asyncio.sleep(0.01)
        watches.cancel()

    asyncio.run(story())
    assert made[1:] == [pool._machines]
