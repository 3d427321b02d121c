"""The checks of the chaos benchmark find what they look for."""

import random
from collections import Counter
from pathlib import Path

import pytest

from bench import chaos_checks
from bench.chaos_checks import Watcher, differing
from bench.chaos_controller import Supervisor
from bench.chaos_study import ALL, QUICK, Plan


@pytest.mark.parametrize("plan", [ALL, QUICK])
def test_a_plan_strikes_often_enough_in_an_order_that_a_seed_gives(plan: Plan) -> None:
    kinds = list(plan.kinds(random.Random(0)))
    assert kinds == list(plan.kinds(random.Random(0)))
    assert kinds != list(plan.kinds(random.Random(1)))
    struck = Counter(kinds)
    for kind in ("controller", "ray"):
        assert struck[kind] + struck["all"] >= plan.least[kind]
    assert sum(plan.least.values()) >= (200 if plan is ALL else 9)


def test_a_trial_that_stands_still_for_longer_than_a_lease_is_a_zombie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(chaos_checks.time, "monotonic", lambda: now[0])
    watcher = Watcher(Supervisor(tmp_path), "study", lease_seconds=20.0)
    # One moves on, one begins again, one does neither.
    for second in range(40):
        now[0] = float(second)
        watcher._look(
            [
                {"id": "moves", "attempt": 1},
                {"id": "again", "attempt": 1 + second // 25},
                {"id": "stands", "attempt": 1},
            ],
            [{"trial_id": "moves", "phase": "decay", "done": second}],
        )
    assert {one.split()[0] for one in watcher.zombies} == {"stands"}


def test_results_that_differ_in_a_bit_are_named() -> None:
    one = dict.fromkeys(("scores", "weights_sha256", "source_tokens", "epochs", "curve"), 1)
    assert differing({"a": one}, {"a": dict(one)}) == []
    assert differing({"a": one}, {"a": {**one, "scores": 2}}) == ["a: scores"]
    assert len(differing({"a": one}, {})) == 5
