import numpy as np
import pytest
from scipy import stats

from mixtures.rank import Leaderboard, leaderboard
from tests.mixtures.share_study import SWEEP, make_study, observe, observe_curve


def test_rows_are_in_order_of_the_objective_recomputed_with_its_weights() -> None:
    study = make_study(objective={"weights": {"math": 3.0}})
    trials = [
        observe(study, 0.2, 0, math=1.0, code=9.0),  # (3 + 9) / 4 = 3
        observe(study, 0.5, 0, math=2.0, code=2.0),  # 2
        observe(study, 0.8, 0, math=4.0, code=4.0),  # 4
    ]
    board = leaderboard(study, trials)
    assert [(row.rank, row.sft_share, row.mean) for row in board.rows] == [
        (1, 0.5, 2.0),
        (2, 0.2, 3.0),
        (3, 0.8, 4.0),
    ]
    assert (board.metric, board.direction, board.num_trials) == ("bits_per_byte", "minimise", 3)


def test_order_of_trials_does_not_change_the_board_and_json_brings_it_back() -> None:
    study = make_study()
    trials = observe_curve(study, lambda s: 3 + s, 0.02, np.random.default_rng(0))
    board = leaderboard(study, trials)
    assert leaderboard(study, trials[::-1]) == board
    assert Leaderboard.model_validate_json(board.model_dump_json()) == board


def test_only_exactly_equal_means_share_a_rank() -> None:
    study = make_study()
    values = {0.8: 2.0, 0.2: 2.0, 0.5: 2.0 + 1e-12, 0.1: 1.0}
    trials = [observe(study, share, 0, math=y, code=y) for share, y in values.items()]
    rows = leaderboard(study, trials).rows
    assert [(row.rank, row.sft_share) for row in rows] == [(1, 0.1), (2, 0.2), (2, 0.8), (4, 0.5)]


def test_a_trial_without_a_benchmark_is_left_out_and_named() -> None:
    study = make_study()
    trials = [observe(study, 0.2, 0, math=1.0), observe(study, 0.5, 0, math=2.0, code=2.0)]
    board = leaderboard(study, trials)
    assert [row.sft_share for row in board.rows] == [0.5]
    assert board.num_trials == 1
    assert "Trial t0.2-0 is left out: it has no score on code." in board.notes


def test_a_score_on_a_benchmark_that_the_study_has_not_does_not_count() -> None:
    study = make_study()
    (row,) = leaderboard(study, [observe(study, 0.2, 0, math=1.0, code=2.0, chess=99.0)]).rows
    assert row.mean == 1.5
    assert row.scores == {"math": 1.0, "code": 2.0}


def test_no_trial_gives_an_empty_board_that_says_so() -> None:
    board = leaderboard(make_study(), [])
    assert (board.rows, board.num_trials) == ((), 0)
    assert board.notes == ("No completed trial yet.",)


def test_one_seed_gives_no_intervals_and_rules_nothing_out() -> None:
    study = make_study()
    trials = [observe(study, share, 0, math=share, code=share) for share in SWEEP]
    board = leaderboard(study, trials)
    assert all(row.interval is None and row.standard_deviation is None for row in board.rows)
    assert all(row.tied_with_best for row in board.rows)
    assert all(pair.interval is None for row in board.rows for pair in row.paired)
    assert any(note.startswith("One seed only: no noise estimate") for note in board.notes)


def test_a_single_mixture_has_the_plain_t_interval() -> None:
    study = make_study(baselines={})
    values = [2.0, 2.1, 2.5]
    trials = [observe(study, 0.5, seed, math=y, code=y) for seed, y in enumerate(values)]
    (row,) = leaderboard(study, trials).rows
    reference = stats.t.interval(0.95, df=2, loc=2.2, scale=stats.sem(values))
    assert row.interval == pytest.approx(reference)
    assert row.standard_deviation == pytest.approx(stats.tstd(values))
    assert row.mean == pytest.approx(2.2)
    assert (row.seeds, row.num_trials) == ((0, 1, 2), 3)
    assert row.tied_with_best and row.paired == ()


def test_a_paired_difference_is_what_the_additive_model_gives_by_hand() -> None:
    # Two by two: the own variances are 1 and known with one degree of freedom (test_noise), so the
    # difference of means over two seeds has the variance (1 + 1) / 2.
    study = make_study(baselines={"pretrain_only": 0.0})
    y = {(0.0, 0): 3.0, (0.0, 1): 6.0, (0.5, 0): 1.0, (0.5, 1): 2.0}
    trials = [observe(study, s, seed, math=v, code=v) for (s, seed), v in y.items()]
    best, baseline = leaderboard(study, trials).rows
    (paired,) = best.paired
    assert (paired.baseline, paired.num_pairs) == ("pretrain_only", 2)
    assert paired.difference == pytest.approx(-3.0)
    half = stats.t.ppf(0.975, 1)
    assert paired.interval == pytest.approx((-3.0 - half, -3.0 + half))
    assert baseline.is_baseline == ("pretrain_only",)
    assert baseline.paired == ()


def test_a_shift_of_one_seed_changes_no_difference_and_no_tie() -> None:
    study = make_study()
    trials = observe_curve(study, lambda s: 3 + s, 0.1, np.random.default_rng(3))
    shifted = [
        trial.model_copy(
            update={"scores": {name: y + 10 * trial.seed for name, y in trial.scores.items()}}
        )
        for trial in trials
    ]
    here, there = leaderboard(study, trials), leaderboard(study, shifted)
    for a, b in zip(here.rows, there.rows, strict=True):
        assert a.tied_with_best == b.tied_with_best
        for p, q in zip(a.paired, b.paired, strict=True):
            assert p.interval == pytest.approx(q.interval)


def test_mixtures_with_no_common_seed_are_compared_unpaired_and_it_is_said() -> None:
    study = make_study(baselines={"pretrain_only": 0.0})
    trials = [
        observe(study, 0.0, 0, math=3.0, code=3.0),
        observe(study, 0.0, 1, math=3.2, code=3.2),
        observe(study, 0.5, 2, math=2.0, code=2.0),
        observe(study, 0.5, 3, math=2.2, code=2.2),
    ]
    board = leaderboard(study, trials)
    (paired,) = board.rows[0].paired
    assert paired.num_pairs == 0
    assert paired.difference == pytest.approx(-1.0)
    assert any("no seed in common" in note for note in board.notes)
    assert any("different seeds" in note for note in board.notes)


def test_a_mixture_with_one_seed_borrows_its_noise_and_it_is_said() -> None:
    study = make_study()
    trials = observe_curve(study, lambda s: 3.0, 0.1, np.random.default_rng(4))
    board = leaderboard(study, [trial for trial in trials if trial.trial_id != "t0.3-1"])
    row = next(row for row in board.rows if row.sft_share == 0.3)
    assert row.standard_deviation is None
    assert row.interval is not None
    assert "1 of 12 mixtures ran on one seed and borrow their noise." in board.notes


def test_a_mixture_far_worse_than_the_best_is_not_tied_and_one_within_noise_is() -> None:
    study = make_study()
    trials = observe_curve(
        study, lambda s: 3 + (2.0 if s == 0 else 0.0), 0.01, np.random.default_rng(5)
    )
    tied = {row.sft_share: row.tied_with_best for row in leaderboard(study, trials).rows}
    assert not tied.pop(0.0)
    assert all(tied.values())


@pytest.mark.parametrize("noise", ["equal", "loud_at_0", "loud_at_1"])
def test_the_tie_group_holds_the_true_best(noise: str) -> None:
    sds = {
        "equal": lambda s: 0.02,
        "loud_at_0": lambda s: 0.05 - 0.045 * s,
        "loud_at_1": lambda s: 0.005 + 0.045 * s,
    }
    study = make_study()
    rng = np.random.default_rng(6)
    num_studies, held, size = 120, 0, 0
    for _ in range(num_studies):
        trials = observe_curve(
            study, lambda s: 4 + np.exp(-s / 0.05) + 0.3 * (s - 0.6) ** 2, sds[noise], rng
        )
        rows = leaderboard(study, trials).rows
        held += next(row.tied_with_best for row in rows if row.sft_share == 0.6)
        size += sum(row.tied_with_best for row in rows)
    assert held / num_studies >= 0.95
    assert size / num_studies < 11
