"""The checks of the chaos benchmark find what they look for."""

import random
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bench import chaos, chaos_checks
from bench.chaos_checks import Watcher, differing
from bench.chaos_controller import Supervisor
from bench.chaos_study import ALL, QUICK, Plan
from bench.chaos_trainer import Acknowledged


@pytest.mark.parametrize("plan", [ALL, QUICK])
def test_a_plan_strikes_often_enough_in_an_order_that_a_seed_gives(plan: Plan) -> None:
    kinds = list(plan.kinds(random.Random(0), plan.least))
    assert kinds == list(plan.kinds(random.Random(0), plan.least))
    assert kinds != list(plan.kinds(random.Random(1), plan.least))
    struck = Counter(kinds)
    for kind in ("controller", "ray"):
        assert struck[kind] + struck["all"] >= plan.least[kind]
    assert sum(plan.least.values()) >= (200 if plan is ALL else 9)


def test_strikes_that_found_nothing_to_kill_are_made_again() -> None:
    kills: Counter[str] = Counter()
    plan = Plan(strikes={"worker": 2, "ray": 1}, least={"worker": 3, "ray": 1}, least_waiting=4)
    struck = []
    for kind in plan.kinds(random.Random(0), kills):
        struck.append(kind)
        # The first strike of each kind is in vain.
        kills[kind] += struck.count(kind) > 1
    assert Counter(struck) == {"worker": 4, "ray": 2}


def test_work_is_what_has_moved_since_it_was_looked_for_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"trial_id": "a", "attempt": 1, "phase": "decay", "done": 10}
    said = iter([[one], [one], [], [one | {"attempt": 2, "done": 0}]])
    supervisor = Supervisor(tmp_path)
    monkeypatch.setattr(supervisor, "patiently", lambda _: {"running": next(said)})
    supervisor.until_at_work("study")
    # The killed attempt is shown once more, then none, then the next.
    supervisor.until_at_work("study")
    assert next(said, None) is None


def test_a_trial_that_stands_still_for_longer_than_a_lease_is_a_zombie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(chaos_checks.time, "monotonic", lambda: now[0])
    watcher = Watcher(Supervisor(tmp_path), "study", lease_seconds=20.0)
    # One moves on, one begins again, one does neither; the first lease of one is twice as long.
    for second in range(52):
        now[0] = float(second)
        watcher._look(
            [
                {"id": "moves", "attempt": 1},
                {"id": "again", "attempt": 1 + second // 25},
                {"id": "stands", "attempt": 1},
                {"id": "begins", "attempt": 1},
            ],
            [
                {"trial_id": "moves", "phase": "decay", "done": second},
                {"trial_id": "stands", "phase": "decay", "done": 7},
            ],
        )
        found = {one.split()[0] for one in watcher.zombies}
        assert found == (
            {"stands", "begins"} if second > 50 else {"stands"} if second > 30 else set()
        )


def test_results_that_differ_in_a_bit_are_named() -> None:
    one = dict.fromkeys(("scores", "weights_sha256", "source_tokens", "epochs", "curve"), 1)
    assert differing({"a": one}, {"a": dict(one)}) == []
    assert differing({"a": one}, {"a": {**one, "scores": 2}}) == ["a: scores"]
    assert len(differing({"a": one}, {})) == 5


class Sleepers:
    """A supervisor of processes that only sleep: the first is the controller."""

    disorderly: tuple[str, ...] = ()

    def __init__(self, *_: object, **__: object) -> None:
        names = ("controller", "ray::_Actor", "ray::_Actor.run", "/ray/gcs_server x", "/raylet x")
        self._all = {subprocess.Popen(["sleep", "60"]): name for name in names}
        self._looks = 0

    def __enter__(self) -> "Sleepers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            process.kill()
            process.wait()

    @property
    def pid(self) -> int:
        return next(process.pid for process, name in self._all.items() if name == "controller")

    def processes(self) -> dict[int, str]:
        alive = {one.pid: name for one, name in self._all.items() if one.poll() is None}
        alive.pop(self.pid, None)
        return alive

    def until_it_runs(self) -> None: ...

    def until_at_work(self, _: str) -> None:
        self._looks += 1
        if self._looks > 3:
            raise TimeoutError("nothing trained")

    def until_finished(self, _: str) -> None: ...

    def patiently(self, _: object) -> str:
        return "study"


@pytest.mark.parametrize(
    ("kind", "killed"),
    [
        ("worker", {"worker": 2}),
        ("controller", {"controller": 1}),
        ("ray", {"ray": 1}),
        ("all", {"controller": 1, "ray": 1, "worker": 2}),
    ],
)
def test_a_strike_counts_what_it_killed(kind: str, killed: dict[str, int]) -> None:
    with Sleepers() as supervisor:
        # The first draw of this seed is below the share of strikes that kill both workers.
        found = chaos.strike(supervisor, kind, random.Random(3))  # type: ignore[arg-type]
        assert dict(found) == killed


def test_what_was_seen_is_told_where_the_study_gets_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Idle:
        trouble, zombies = (), ()
        acknowledged = Acknowledged(trials={"a"})

        def __init__(self, *_: object, **__: object) -> None: ...

        def start(self) -> None: ...

        def stop(self) -> None: ...

        def facts(self) -> chaos_checks.Facts:
            one = dict.fromkeys(("scores", "weights_sha256", "source_tokens", "epochs", "curve"), 1)
            return chaos_checks.Facts({"a": one}, [{}], {"a": "COMPLETE"}, Counter(), [])

    monkeypatch.setattr(chaos, "Supervisor", Sleepers)
    monkeypatch.setattr(chaos, "Watcher", Idle)
    monkeypatch.setattr(chaos, "Trainer", Idle)
    monkeypatch.setattr(chaos, "LONGEST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(chaos, "lost", lambda *_: [])
    monkeypatch.setattr(chaos, "undisturbed", lambda _, facts: facts.results)
    least = {"worker": 1, "controller": 0, "ray": 0}
    monkeypatch.setattr(chaos, "QUICK", Plan({"worker": 2, "ray": 2}, least, 4))
    monkeypatch.setattr("sys.argv", ["chaos.py", "--quick"])
    chaos.main()
    said = capsys.readouterr().out
    assert "stuck: nothing trained" in said
    assert re.search(r"^goal chaos_stuck value=1.* missed$", said, re.MULTILINE)
    assert re.search(r"^goal chaos_worker_kills value=[1-4].* met$", said, re.MULTILINE)
    assert re.search(r"^goal chaos_differing value=0.* met$", said, re.MULTILINE)
