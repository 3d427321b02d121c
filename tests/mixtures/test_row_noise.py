"""The parts of what a raw mean is uncertain of."""

import pytest

from mixtures.observation import Observation
from mixtures.rank import leaderboard
from tests.mixtures.share_study import make_study, observe


def with_errors(trial: Observation, **errors: float) -> Observation:
    return trial.model_copy(update={"standard_errors": errors})


def test_item_noise_is_that_of_the_weighted_mean_and_seeds_do_not_lower_it() -> None:
    study = make_study(objective={"weights": {"math": 3.0}})
    # (3/4 .04)^2 + (1/4 .08)^2 = .0009 + .0004 on both seeds.
    trials = [
        with_errors(observe(study, 0.5, seed, math=2.0, code=2.0), math=0.04, code=0.08)
        for seed in (0, 1)
    ]
    for some in (trials, trials[:1]):
        (row,) = leaderboard(study, some).rows
        assert row.noise.item == pytest.approx(0.0013**0.5)


def test_item_noise_is_unknown_where_a_benchmark_has_no_error_unless_it_weighs_nothing() -> None:
    study = make_study()
    (row,) = leaderboard(
        study, [with_errors(observe(study, 0.5, 0, math=2.0, code=2), math=0.1)]
    ).rows
    assert row.noise.item is None
    study = make_study(objective={"weights": {"code": 0.0}})
    (row,) = leaderboard(
        study, [with_errors(observe(study, 0.5, 0, math=2.0, code=2), math=0.1)]
    ).rows
    assert row.noise.item == pytest.approx(0.1)


def test_seed_noise_is_of_the_mean_over_seeds_and_subsets_are_not_known() -> None:
    study = make_study()
    # Of one mixture nothing tells a seed's effect from the mixture's own: sd sqrt(2) of 1 and 3,
    # over two seeds 1.
    trials = [observe(study, 0.5, 0, math=1, code=1), observe(study, 0.5, 1, math=3, code=3)]
    (row,) = leaderboard(study, trials).rows
    assert row.noise.seed == pytest.approx(1.0)
    assert row.noise.subset is None
    unknown = leaderboard(study, trials).unknown_noise
    assert unknown.keys() == {"subset", "item"}
    assert "all trials read one draw of the data" in unknown["subset"]
    (row,) = leaderboard(study, trials[:1]).rows
    assert row.noise.seed is None


def test_of_a_study_whose_seeds_read_two_subsets_both_parts_are_in_the_row() -> None:
    full_run = {"decay_tokens": 1_000_000, "unique_tokens": {"web": 500_000}}
    study = make_study(seeds=[0, 1, 2, 3], data_seeds=2, full_run=full_run)
    # The table of test_subset_noise.py: parts 6 and 4 of a seed, 29 and 34 of a subset.
    trials = [
        observe(study, share, seed, math=value, code=value)
        for share, values in ((0.0, (14, -2, 8, -8)), (1.0, (12, 8, 10, 6)))
        for seed, value in zip((0, 1, 2, 3), values, strict=True)
    ]
    board = leaderboard(study, trials)
    for row in board.rows:
        assert row.noise.seed == pytest.approx(((6 + 4) / 4) ** 0.5)
        assert row.noise.subset == pytest.approx(((29 + 34) / 2) ** 0.5)
    assert "subset" not in board.unknown_noise
    # Twice on each subset is needed: until then it stands in the seed's part.
    board = leaderboard(study, [one for one in trials if one.seed < 2])
    assert board.rows[0].noise.subset is None
    assert "twice on one yet" in board.unknown_noise["subset"]
