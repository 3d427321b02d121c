"""Budgets: how many more trials are paid for, and which limit says so."""

from mixtures.budget import Budget


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
