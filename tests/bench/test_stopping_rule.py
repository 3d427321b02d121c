"""The rule that the benchmark of early stopping replays."""

import numpy as np
import pytest

from bench.stopping_rule import ends_of, probability_of_best, replayed

FRACTIONS = (0.25, 0.5, 0.75, 1.0)
ENDS = np.linspace(1.0, 2.0, 10)[:, None, None]


def test_where_a_checkpoint_is_the_end_what_is_far_behind_is_stopped_and_the_best_are_not() -> None:
    rng = np.random.default_rng(0)
    losses = ENDS + 0.001 * rng.standard_normal((10, 2, 4))
    assert probability_of_best(losses, 9, losses[9, 0, :1]) < 1e-6
    assert probability_of_best(losses, 0, losses[0, 0, :1]) > 0.99
    for needed in (1, 2, 3):
        ends = ends_of(losses, needed, by_seed=False)
        assert (ends[9] == needed - 1).all()
        assert (ends[0] == 3).all()


def test_where_a_checkpoint_says_nothing_of_the_end_nothing_is_stopped() -> None:
    losses = np.random.default_rng(1).standard_normal((12, 2, 4))
    assert (ends_of(losses, 2, by_seed=False) == 3).sum() >= 22


def test_a_seed_that_moves_all_mixtures_stops_the_best_unless_it_is_taken_out() -> None:
    # Seed 1 costs everything 1: a trial of the best mixture looks worse than mixtures' means.
    rng = np.random.default_rng(2)
    losses = ENDS + 0.001 * rng.standard_normal((10, 2, 4)) + np.array([0.0, 1.0])[None, :, None]
    assert ends_of(losses, 2, by_seed=False)[0, 1] == 1
    assert ends_of(losses, 2, by_seed=True)[0].tolist() == [3, 3]
    assert ends_of(losses, 2, by_seed=True)[9].tolist() == [1, 1]


def test_what_is_saved_and_lost_is_said_by_goal_lines(capsys: pytest.CaptureFixture[str]) -> None:
    replayed(np.repeat(ENDS, 4, axis=2) + np.zeros((10, 2, 4)), FRACTIONS, 10.0, 2.0)
    printed = capsys.readouterr().out
    # Seven of ten mixtures are stopped at a quarter: .7 times three quarters of the tokens; they
    # are scored once and the others four times: .475 * 10 + (.7 + .3 * 4) * 2 = 8.55 s for 12.
    assert "stopped_at_1_checkpoint: 14 of 20 trials stopped, 52.5% of the decay tokens" in printed
    assert "goal stopped_at_1_checkpoint_time value=0.7125 bound=0.9 met" in printed
    assert "goal stopped_at_2_checkpoints_by_seed_best_lost value=0.0000 bound=0 met" in printed
