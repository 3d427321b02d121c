"""The transfer score's weights against numbers worked out by hand."""

import numpy as np
import pytest

from mixtures.recommendation import NotEnoughTrials
from mixtures.study_fits import fit_study
from mixtures.surrogates.share_gp import fit_share_gp
from mixtures.transfer_score import transfer_objective, transfer_weights
from tests.mixtures.searched_study import observe_mixtures, searched_study
from tests.mixtures.share_study import make_study, observe


def test_a_weight_is_multiplied_with_r_squared_and_nothing_below_zero_counts() -> None:
    weights = {"a": 0.5, "b": 0.25, "c": 0.25}
    # .5 * .8 = .4 and .25 * .4 = .1, so .8 and .2 of their sum.
    found = transfer_weights(weights, {"a": 0.8, "b": 0.4, "c": -0.3})
    assert found == pytest.approx({"a": 0.8, "b": 0.2})
    assert transfer_weights(weights, {"a": -0.1, "b": None, "c": 0.0}) == {}


def test_on_a_sweep_the_noisy_benchmark_loses_its_weight() -> None:
    study = make_study(objective={"weights": {"math": 1.0, "code": 3.0}})
    rng = np.random.default_rng(1)
    trials = [
        observe(study, share, seed, math=(share - 0.6) ** 2, code=1.0 + 0.2 * rng.standard_normal())
        for seed in (0, 1)
        for share in study.space.sft_share
    ]
    found = transfer_objective(study, trials)
    by_name = {one.benchmark: one for one in found.benchmarks}
    assert by_name["math"].weight == 0.25
    math = fit_share_gp(
        [one.sft_share for one in trials],
        [one.seed for one in trials],
        [one.scores["math"] for one in trials],
    )
    assert by_name["math"].r_squared == pytest.approx(math.out_of_fold().r_squared)
    assert by_name["math"].transfer_weight > 0.9
    assert by_name["code"].transfer_weight < 0.1
    scores = {"math": 2.0, "code": 5.0}
    expected = sum(by_name[name].transfer_weight * value for name, value in scores.items())
    assert found.objective.value(scores) == pytest.approx(expected)
    assert found.objective.metric == study.objective.metric
    assert found.surrogate == "share_gp"


def test_over_many_sources_r_squared_is_that_of_the_left_out_mixtures() -> None:
    study = searched_study(("math", "code"))
    rng = np.random.default_rng(0)
    trials = observe_mixtures(
        study,
        30,
        lambda w: {"math": float((w[2] - 0.3) ** 2 + w[0]), "code": float(rng.standard_normal())},
    )
    found = transfer_objective(study, trials)
    by_name = {one.benchmark: one for one in found.benchmarks}
    fits = fit_study(study, trials)
    stack = fits.stacks["math"]
    y = stack.trials.targets
    by_hand = 1 - np.mean((y - stack.out_of_fold) ** 2) / np.var(y)
    assert by_name["math"].r_squared == pytest.approx(by_hand)
    assert by_name["math"].transfer_weight > 0.85
    assert found.surrogate == "stack"


def test_where_nothing_is_predictable_there_is_no_transfer_score() -> None:
    study = make_study()
    rng = np.random.default_rng(5)
    trials = [
        observe(study, share, 0, math=rng.standard_normal(), code=rng.standard_normal())
        for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    ]
    with pytest.raises(NotEnoughTrials, match="no better than by their mean"):
        transfer_objective(study, trials)


def test_too_few_shares_are_named() -> None:
    study = make_study()
    trials = [observe(study, share, 0, math=share, code=share) for share in (0.0, 0.5)]
    with pytest.raises(NotEnoughTrials, match="4 SFT shares or more; there are 2"):
        transfer_objective(study, trials)
