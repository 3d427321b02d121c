"""Budgets: how many more trials are paid for, and which limit says so."""

import pytest
from pydantic import ValidationError

from mixtures.budget import MOST_HOURS, Budget
from mixtures.extension import Extension


def test_trials_tokens_and_hours_each_limit() -> None:
    budget = Budget(max_trials=100, max_tokens=50_000, max_hours=2.0)
    # 50,000 tokens are 50 trials of 1,000, of which 10 are there.
    assert budget.trials_left(10, 1_000, 0.0, 0.0) == (40, "budget.max_tokens")
    # 1.5 hours are left, which is 6 trials of a quarter.
    assert budget.trials_left(10, 1_000, 0.5, 0.25) == (6, "budget.max_hours")
    assert budget.trials_left(99, 10, 0.5, 0.01) == (1, "budget.max_trials")


def test_a_spent_budget_leaves_none() -> None:
    assert Budget(max_trials=5).trials_left(7, 1, 0.0, 0.0) == (0, "budget.max_trials")
    assert Budget(max_hours=1).trials_left(7, 1, 1.0, 0.0) == (0, "budget.max_hours")


def test_hours_without_end_are_refused_where_they_are_given() -> None:
    # Over a trial's hours they would be no number, in every later look at the study.
    for made in (Budget, Extension):
        with pytest.raises(ValidationError, match="less than or equal to"):
            made.model_validate({"max_hours": 1.2e308})
    assert Budget(max_hours=MOST_HOURS).trials_left(0, 1, 0.0, 1e-9) == (1000, "budget.max_trials")
