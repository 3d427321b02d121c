"""What a study costs, worked out by hand from two trials that took an hour each."""

from datetime import UTC, datetime, timedelta

import pytest

from db.study_list import Activity
from db.trials import StoredTrial
from mixtures.trial import TrialState
from service.study_cost import study_cost
from tests.db.made_up import make_result
from tests.mixtures.outside_study import make_outside_study
from tests.mixtures.share_study import make_trial

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATES = {TrialState.COMPLETE: 2, TrialState.FAILED: 1, TrialState.RUNNING: 1}
ACTIVITY = Activity(
    trials={
        state: STATES.get(state, 3 if state is TrialState.WAITING else 0) for state in TrialState
    },
    hours=2.5,
    last_activity=NOW,
)
# Decays of 100,000 tokens, of which one that waits is a quarter as long.
TOKENS = {state: 100_000 * num for state, num in ACTIVITY.trials.items()} | {
    TrialState.WAITING: 225_000
}


def an_hour() -> StoredTrial:
    spec = make_trial(decay={"tokens": 100_000})
    return StoredTrial(
        id=spec.trial_id,
        study_id="s",
        spec=spec,
        state=TrialState.COMPLETE,
        attempt=1,
        cancel_requested=False,
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW + timedelta(hours=1),
        result=make_result(spec.trial_id, 1, math=1.0).model_copy(
            update={"wall_seconds": {"stable": 900.0, "decay": 3000.0, "evaluate": 600.0}}
        ),
        failure=None,
    )


def test_hours_follow_tokens_and_the_search_its_budget() -> None:
    study = make_outside_study(
        search={"short_decay": 0.25},
        budget={"max_tokens": 1_200_000},
        design={"num_mixtures": 4, "num_repeated": 0},
    )
    found = study_cost(study, ACTIVITY, TOKENS, [an_hour(), an_hour()], True)
    assert found.spent.model_dump() == {"num_trials": 3, "tokens": 200_000, "hours": 2.5}
    assert found.left.num_trials == 4
    # One runs with 100,000 tokens: 3.25 trials of an hour in all.
    assert (found.left.tokens, found.left.hours) == (325_000, pytest.approx(3.25))
    # 625,000 tokens are given out, 575,000 left: five whole trials.
    assert found.search_limit == "budget.max_tokens"
    assert found.search_at_most is not None
    assert found.search_at_most.num_trials == 5
    assert found.search_at_most.hours == pytest.approx(5.0)


def test_no_hours_are_made_up_before_a_trial_has_ended() -> None:
    study = make_outside_study()
    found = study_cost(study, ACTIVITY, TOKENS, [], False)
    assert (found.left.hours, found.search_at_most, found.search_limit) == (None, None, None)
