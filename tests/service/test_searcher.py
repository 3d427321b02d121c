"""A search in the whole service: trials come by themselves, end with the budget, fall back."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest
import structlog
from fastapi.testclient import TestClient

from db.search_stops import search_stops
from mixtures.propose import Proposal
from service import searcher
from service.searcher import deadline
from tests.mixtures.outside_study import OUTSIDE_STUDY
from tests.service.conftest import SMALL_STUDY, StartService
from tests.service.test_outside import ask, submit, tell, told
from tests.waiting import wait_until

SEARCH = {
    "space": {"sft_share_range": [0.0, 1.0]},
    "baselines": {"pretrain_only": 0.0},
    "design": {"num_mixtures": 5, "num_repeated": 1},
    "search": {"stops_early": False},
    "budget": {"max_trials": 12},
}


def status_of(client: TestClient, study: str) -> dict[str, Any]:
    status: dict[str, Any] = client.get(f"/v1/studies/{study}").json()["status"]
    return status


def test_our_own_workers_get_trials_until_the_budget_is_reached(client: TestClient) -> None:
    study = client.post("/v1/studies", json={**SMALL_STUDY, **SEARCH}).json()["id"]
    wait_until(lambda: status_of(client, study)["state"] == "FINISHED")
    status = status_of(client, study)
    assert (status["num_trials"], status["trials"]["COMPLETE"]) == (12, 12)
    assert status["search_stopped"] == "budget.max_trials is reached"
    trials = client.get(f"/v1/studies/{study}/trials").json()
    chosen = [trial["chosen_by"] for trial in trials]
    # pretrain_only is the range's own end and uniform its middle: five mixtures, one repeated.
    assert chosen == [None] * 6 + ["search"] * 6
    # The best share is 0.6.
    best = [trial["sft_share"] for trial in trials if trial["chosen_by"] == "search"]
    assert min(abs(share - 0.6) for share in best) < 0.15


def test_a_team_that_asks_gets_what_the_search_chooses(client: TestClient) -> None:
    study = submit(client, search={"stops_early": False}, budget={"max_trials": 20})
    rng = np.random.default_rng(0)
    num = 0
    while trials := ask(client, study, num=4):
        for trial in trials:
            num += 1
            value = 2 + (trial["shares"]["chat"] - 0.4) ** 2 + 0.01 * rng.standard_normal()
            assert tell(client, trial, told(trial, value)).status_code == 200
    assert num == 20
    why = client.post(f"/v1/studies/{study}/ask", json={"worker": "ann"}).json()["why_fewer"]
    assert why == "budget.max_trials is reached"
    assert status_of(client, study)["state"] == "FINISHED"


def test_a_proposal_that_does_not_come_in_time_is_filled_and_flagged(
    start_service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searcher, "deadline", lambda num: 0.0)
    with start_service() as client:
        study = submit(client, design={"num_mixtures": 4, "num_repeated": 0}, search={})
        for trial in ask(client, study, num=8):
            tell(client, trial, told(trial, 2.0 + trial["sft_share"]))
        # Two may have been chosen ahead, with no haste.
        assert len(ask(client, study, num=6)) == 6
        trials = client.get(f"/v1/studies/{study}/trials").json()
    assert trials[-1]["chosen_by"] == "space_filling: no proposal within 0.0 s"


def test_a_study_whose_trials_all_fail_is_not_fed_for_ever(client: TestClient) -> None:
    study = submit(client, search={})
    for _ in range(10):
        (trial,) = ask(client, study)
        tell(client, trial, {"attempt": 1, "failure": "no disk"})
    for _ in range(30):
        left = ask(client, study)
        if not left:
            break
        tell(client, left[0], {"attempt": 1, "failure": "no disk"})
    assert status_of(client, study)["search_stopped"] == "the last 10 trials failed"


def test_deadlines_are_two_seconds_at_400_trials_and_five_at_2000() -> None:
    assert [deadline(n) for n in (0, 400, 1200, 2000, 9000)] == [2.0, 2.0, 3.5, 5.0, 5.0]


def test_hours_that_are_spent_end_what_waits(client: TestClient) -> None:
    study = submit(client, budget={"max_hours": 1e-9})
    ask(client, study)
    wait_until(lambda: status_of(client, study)["trials"]["WAITING"] == 0)
    assert status_of(client, study)["trials"]["CANCELLED"] > 0
    assert OUTSIDE_STUDY["trained_by"] == "outside"


def test_a_study_that_cannot_be_proposed_for_is_logged_once_for_each_change() -> None:
    lone = searcher.Searcher(None, lambda: None)  # type: ignore[arg-type]
    failing = {"a": RuntimeError("no memory")}
    lone._studies = {"a": None, "b": None}  # type: ignore[dict-item]

    def care(study_id: str) -> bool:
        if study_id in failing:
            raise failing[study_id]
        return False

    async def turn() -> bool:
        try:
            await lone._turn()
        except RuntimeError:
            return False
        return True

    lone._care = care  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patched, structlog.testing.capture_logs() as lines:
        patched.setattr(searcher, "TICK_SECONDS", 0.0)
        assert [asyncio.run(turn()) for _ in range(3)] == [False] * 3
        failing["a"] = RuntimeError("killed")
        assert [asyncio.run(turn()) for _ in range(2)] == [False] * 2
        failing.clear()
        assert asyncio.run(turn())
    assert [(one["event"], one.get("error") or one["after"]) for one in lines] == [
        ("no proposal", "RuntimeError: no memory"),
        ("no proposal", "RuntimeError: killed"),
        ("proposes again", "RuntimeError: killed"),
    ]


def test_a_search_that_has_stopped_stays_so_in_a_controller_started_anew(
    start_service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def propose(self: searcher.Searcher, study: Any, found: list[Any], *_: Any) -> Proposal:
        asked.append(len(found))
        return Proposal(requests=(), chosen_by="search", stop="enough", num_trials=len(found))

    monkeypatch.setattr(searcher.Searcher, "_propose", propose)
    monkeypatch.setattr(searcher, "TICK_SECONDS", 0.01)
    with start_service() as client:
        study = submit(client, design={"num_mixtures": 4, "num_repeated": 0}, search={})
        trials = ask(client, study, num=20)
        for trial in trials:
            tell(client, trial, told(trial, 2.0))
        database = client.app.state.controller.database  # type: ignore[attr-defined]

        def is_kept() -> bool:
            """Of all trials: a look between two of them is followed by another."""
            with database.read() as session:
                stop = search_stops(session).get(study)
            return stop is not None and stop.num_finished == len(trials)

        wait_until(is_kept)
        assert status_of(client, study)["state"] == "FINISHED"
    before = len(asked)
    with start_service() as client:
        time.sleep(0.2)
        status = status_of(client, study)
        assert (status["search_stopped"], len(asked)) == ("enough", before)
        # More budget is a reason to ask again.
        client.post(f"/v1/studies/{study}/extend", json={"max_trials": 2000}).raise_for_status()
        wait_until(lambda: len(asked) > before)
