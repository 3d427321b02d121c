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
    (row,) = leaderboard(study, trials[:1]).rows
    assert row.noise.seed is None
