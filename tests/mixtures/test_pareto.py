"""The Pareto front against fronts drawn by hand and probabilities that are known in closed form."""

import numpy as np
import pytest
from scipy.stats import norm

from mixtures.named_objectives import asked_objectives, observations_of
from mixtures.pareto import (
    coupled_draws,
    error_correlation,
    on_front,
    pareto_front,
    probability_on_front,
)
from tests.mixtures.searched_study import observe_mixtures, searched_study
from tests.mixtures.share_study import make_study, observe


def test_the_front_of_five_points_drawn_by_hand() -> None:
    # (1, 5) and (5, 1) are the ends, (2, 2) is between; (3, 3) is beaten by (2, 2), and (2, 4) too.
    losses = np.array([[1.0, 5.0, 2.0, 3.0, 2.0], [5.0, 1.0, 2.0, 3.0, 4.0]])
    assert on_front(losses).tolist() == [True, True, True, False, False]


def test_equal_mixtures_do_not_beat_each_other() -> None:
    assert on_front(np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 0.5]])).tolist() == [True, True, True]


def test_the_probability_of_two_mixtures_is_known_in_closed_form() -> None:
    # The second is beaten where it is worse in both: Phi(1) squared, for differences of N(1, 1).
    half = 0.5 * np.eye(2)
    moments = [(np.array([0.0, 1.0]), half), (np.array([0.0, 1.0]), half)]
    draws = coupled_draws(moments, np.eye(2), 40_000, np.random.default_rng(0))
    found = probability_on_front(draws)
    assert found[1] == pytest.approx(1 - norm.cdf(1) ** 2, abs=0.01)
    assert found[0] == pytest.approx(1 - norm.cdf(-1) ** 2, abs=0.01)


def test_draws_have_the_covariance_of_each_objective_and_the_correlation_between() -> None:
    covariance = np.array([[1.0, 0.6], [0.6, 2.0]])
    moments = [(np.array([1.0, -1.0]), covariance), (np.zeros(2), covariance)]
    correlation = np.array([[1.0, 0.5], [0.5, 1.0]])
    draws = coupled_draws(moments, correlation, 200_000, np.random.default_rng(1))
    assert draws.mean(axis=0) == pytest.approx(np.array([[1.0, -1.0], [0.0, 0.0]]), abs=0.02)
    assert np.cov(draws[:, 0].T) == pytest.approx(covariance, abs=0.03)
    # With equal covariances the one between objectives is half of them: L R_mn L' = R_mn C.
    between = np.cov(draws[:, 0].T, draws[:, 1].T)[:2, 2:]
    assert between == pytest.approx(0.5 * covariance, abs=0.03)


class _Errors:
    def __init__(self, errors: list[float]) -> None:
        self.out_of_fold_errors = np.array(errors)


def test_errors_that_go_together_are_drawn_to_independence_by_four_trials() -> None:
    # Four equal errors: a correlation of 1, over four trials and four of belief in none: a half.
    errors = [1.0, -1.0, 1.0, -1.0]
    found = error_correlation([_Errors(errors), _Errors(errors)])  # type: ignore[list-item]
    assert found == pytest.approx(np.array([[1.0, 0.5], [0.5, 1.0]]))


def test_a_sweep_with_two_opposed_benchmarks_has_the_shares_between_their_optima_on_it() -> None:
    study = make_study()
    rng = np.random.default_rng(0)
    trials = [
        observe(
            study,
            share,
            seed,
            math=(share - 0.8) ** 2 + 0.002 * rng.standard_normal(),
            code=(share - 0.2) ** 2 + 0.002 * rng.standard_normal(),
        )
        for seed in (0, 1)
        for share in study.space.sft_share
    ]
    asked = asked_objectives(study, ["math", "code"])
    found = pareto_front(study, asked, *observations_of(study, asked, {"bits_per_byte": trials}))
    by_share = {row.sft_share: row for row in found.rows}
    for share in (0.3, 0.4, 0.5, 0.6, 0.64):
        assert by_share[share].on_front
        assert by_share[share].p_on_front > 0.99
    for share in (0.0, 1.0):
        assert not by_share[share].on_front
        assert by_share[share].p_on_front < 0.01
    assert by_share[0.64].is_baseline == ("paper",)
    raw = np.mean([one.scores["math"] for one in trials if one.sft_share == 0.5])
    assert by_share[0.5].raw["math"] == pytest.approx(raw, abs=0.002)
    assert len(by_share[0.5].trial_ids) == 2
    chances = [row.p_on_front for row in found.rows]
    assert chances == sorted(chances, reverse=True)


def test_a_metric_that_is_named_counts_in_its_own_direction() -> None:
    study = searched_study(("math", "code"))
    loss = observe_mixtures(study, 12, lambda w: {"math": float(w[2]), "code": float(w[3])})
    accuracy = [one.model_copy(update={"scores": {"math": one.shares["books"]}}) for one in loss]
    asked = asked_objectives(study, ["code", "math:acc"])
    found = pareto_front(
        study,
        asked,
        *observations_of(study, asked, {"bits_per_byte": loss, "acc": accuracy}),
    )
    assert [one.direction for one in found.objectives] == ["minimise", "maximise"]
    best = max(found.rows, key=lambda row: row.raw["math:acc"])
    assert best.on_raw_front
    assert best.raw["math:acc"] == pytest.approx(max(one.shares["books"] for one in loss))
