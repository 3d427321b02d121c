"""Where a study stands: the counts, and the seconds left worked out by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.trials import StoredTrial
from mixtures.study import StudySpec
from mixtures.trial import Progress, TrialState
from service.study_status import seconds_left
from tests.db.made_up import make_result
from tests.mixtures.outside_study import OUTSIDE_STUDY
from tests.mixtures.share_study import make_study, make_trial
from tests.service.conftest import SMALL_STUDY, finished_study

# 100,000 decay tokens a trial.
SPEC: StudySpec = make_study(decay={"tokens": 100_000})


def finished(decay: float, evaluate: float) -> StoredTrial:
    """A complete trial that took these seconds, and some more that are not counted."""
    spec = make_trial(decay={"tokens": 100_000})
    result = make_result(spec.trial_id, 1, math=1.0).model_copy(
        update={
            "wall_seconds": {
                "prepare": 50.0,
                "stable": 500.0,
                "decay": decay,
                "evaluate": evaluate,
            }
        }
    )
    now = datetime.now(UTC)
    return StoredTrial(
        id=spec.trial_id,
        study_id="study",
        spec=spec,
        state=TrialState.COMPLETE,
        attempt=1,
        cancel_requested=False,
        created_at=now,
        started_at=now,
        finished_at=now,
        result=result,
        failure=None,
    )


def running(phase: Any, done: int, total: int, rate: float | None = None) -> Progress:
    return Progress(
        trial_id="t", attempt=1, phase=phase, done=done, total=total, tokens_per_second=rate
    )


@pytest.mark.parametrize(
    ("num_left", "num_slots", "trials", "progress", "seconds"),
    [
        # Nothing is left, whatever runs.
        (0, 2, [], [], 0.0),
        (0, 2, [], [running("decay", 1, 2, 100.0)], 0.0),
        # Nothing is known: no trial has finished and none tells a rate.
        (4, 2, [], [], None),
        (4, 2, [], [running("tokenise", 1, 5)], None),
        # 25 s and 35 s a trial: 30 s; five left on two places.
        (5, 2, [finished(20.0, 5.0), finished(30.0, 5.0)], [], 75.0),
        # One left needs one place.
        (1, 8, [finished(20.0, 10.0)], [], 30.0),
        # Two of four are half done: three are left.
        (4, 2, [finished(20.0, 10.0)], [running("decay", 1, 2, 9.0)] * 2, 45.0),
        # Before the first has finished: 1.3 * 100,000 tokens at 2,000 a second.
        (4, 1, [], [running("decay", 0, 100_000, 2000.0)], 260.0),
        # The stable phase first: 60,000 tokens at 3,000 a second, then two trials of 43.3 s.
        (2, 1, [], [running("stable", 40_000, 100_000, 3000.0)], 20.0 + 2 * 1.3e5 / 3000),
        # More done than is left, as when the last one was counted meanwhile.
        (1, 1, [finished(20.0, 10.0)], [running("decay", 2, 2)] * 2, 0.0),
    ],
)
def test_seconds_left_by_hand(
    num_left: int,
    num_slots: int,
    trials: list[StoredTrial],
    progress: list[Progress],
    seconds: float | None,
) -> None:
    left = seconds_left(SPEC, num_left, num_slots, trials, tuple(progress))
    assert left == (None if seconds is None else pytest.approx(seconds))


def test_every_state_is_counted_and_the_rates_add_up(client: TestClient) -> None:
    study_id = finished_study(client)
    status = client.get(f"/v1/studies/{study_id}").json()["status"]
    assert set(status["trials"]) == {state.value for state in TrialState}
    assert (status["state"], status["num_finished"], status["seconds_left"]) == ("FINISHED", 14, 0)
    assert (status["running"], status["tokens_per_second"]) == ([], None)
    assert status["question"] == SMALL_STUDY["question"]


def test_a_running_study_adds_up_the_rates_of_what_runs(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = finished_study(client)
    scheduler = client.app.state.controller.scheduler  # type: ignore[attr-defined]
    found = [running("decay", 1, 4, 1500.0), running("decay", 2, 4, 2500.0), running("start", 0, 0)]
    monkeypatch.setattr(scheduler, "progress_of", lambda study: found)
    status = client.get(f"/v1/studies/{study_id}").json()["status"]
    assert status["tokens_per_second"] == 4000.0
    assert [progress["phase"] for progress in status["running"]] == ["decay", "decay", "start"]


def test_what_was_spent_and_what_is_left_add_up(client: TestClient) -> None:
    study_id = finished_study(client)
    status = client.get(f"/v1/studies/{study_id}").json()["status"]
    tokens = 150_000
    assert status["spent"]["num_trials"] == 14
    assert status["spent"]["tokens"] == 14 * tokens
    assert status["spent"]["hours"] > 0
    assert status["left"] == {"num_trials": 0, "tokens": 0, "hours": 0}
    assert (status["search_at_most"], status["search_limit"]) == (None, None)


def test_what_a_search_may_add_is_counted_up_to_its_budget(client: TestClient) -> None:
    study = {
        **OUTSIDE_STUDY,
        "search": {},
        "design": {"num_mixtures": 4, "num_repeated": 0},
        "baselines": {},
        "budget": {"max_tokens": 1_250_000},
    }
    status = client.post("/v1/studies", json=study).json()
    # Four mixtures, uniform and proportional, of 100,000 tokens each: six of the budget's twelve.
    assert status["left"] == {"num_trials": 6, "tokens": 600_000, "hours": None}
    assert status["search_at_most"] == {"num_trials": 6, "tokens": 600_000, "hours": None}
    assert status["search_limit"] == "budget.max_tokens"
    assert status["seconds_left_at_most"] is None
