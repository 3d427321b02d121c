"""Joining mixtures and scores: repeats, gaps, wrong aggregates and weights."""

import numpy as np
import pytest

from mixtures.own_tables import BadTable, read_mixtures, read_scores
from mixtures.own_trials import DataWarning, OwnTrials, join, noise_of_repeats

MIXTURES = "id,web,code\na,1,0\nb,0.5,0.5\nc,0,1\nd,0.5,0.5\n"


def joined(scores: str, metrics: dict[str, float] | None = None) -> OwnTrials:
    return join(read_mixtures(MIXTURES, "m.csv"), read_scores(scores, "s.csv"), metrics)


def test_repeats_of_an_id_and_ids_of_one_mixture_are_one_point() -> None:
    trials = joined("id,x\na,1\na,3\nb,4\nc,5\nd,8\n")
    assert len(trials.shares) == 3
    assert trials.point_of["b"] == trials.point_of["d"]
    assert trials.values["x"][trials.point_of["b"]] == (4.0, 8.0)
    assert trials.objective["a"] == (1.0, 3.0)
    own = trials.trials("x", -1.0, np.zeros(3, dtype=np.int64))
    at_a = trials.points_with("x").tolist().index(trials.point_of["a"])
    assert own.targets[at_a] == -2.0


def test_without_metrics_the_objective_is_the_mean_of_all_columns() -> None:
    trials = joined("id,x,y\na,1,3\nb,2,2\nc,0,9\n")
    assert trials.weights == {"x": 0.5, "y": 0.5}
    assert trials.objective["a"] == (2.0,)


def test_weights_are_brought_to_a_sum_of_one() -> None:
    trials = joined("id,x,y\na,1,3\nb,2,2\nc,0,9\n", {"x": 3.0, "y": 1.0})
    assert trials.weights == {"x": 0.75, "y": 0.25}
    assert trials.objective["a"] == (1.5,)


def test_an_aggregate_is_taken_apart_and_a_row_that_contradicts_it_is_not_used() -> None:
    scores = "id,x,y,avg\na,1,3,2\nb,2,2,2\nc,0,9,4.5\nd,3,4,9\n"
    trials = joined(scores, {"avg": 1.0})
    assert trials.weights == {"x": 0.5, "y": 0.5}
    assert trials.warnings == (DataWarning(id="d", column="avg", stored=9.0, recomputed=3.5),)
    assert trials.warnings[0].as_json() == {
        "id": "d",
        "column": "avg",
        "stored": 9.0,
        "recomputed": 3.5,
    }
    assert "d" not in trials.point_of
    assert trials.values["x"][trials.point_of["b"]] == (2.0,)


def test_without_metrics_an_aggregate_does_not_count_beside_its_parts() -> None:
    assert joined("id,x,y,avg\na,1,3,2\nb,2,2,2\nc,0,9,4.5\n").weights == {"x": 0.5, "y": 0.5}


def test_a_missing_score_is_told_and_the_other_metrics_are_used() -> None:
    trials = joined("id,x,y\na,1,\nb,2,2\nc,0,9\n")
    assert DataWarning(id="a", column="y", reason="no score") in trials.warnings
    assert trials.values["x"][trials.point_of["a"]] == (1.0,)
    assert trials.objective["a"] == ()
    # d has a mixture and no row: it may still be the best.
    assert DataWarning(id="d", column="x", reason="no row in the scores file") in trials.warnings
    assert "d" in trials.point_of


@pytest.mark.parametrize(
    ("scores", "metrics", "message"),
    [
        ("id,x\na,1\nz,2\n", None, "id 'z' is not in the mixtures file"),
        ("id,x\na,1\n", {"y": 1.0}, "'y' is no column"),
        ("id,x\na,1\n", {"x": 0.0}, "weighs 0, expected above 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    scores: str, metrics: dict[str, float] | None, message: str
) -> None:
    with pytest.raises(BadTable, match=message):
        joined(scores, metrics)


def test_a_metric_whose_few_scores_fall_in_one_fold_gets_folds_of_its_own() -> None:
    trials = joined("id,x,y\na,1,\nb,2,2\nc,0,9\n")
    folds = np.array([0, 1, 1])
    folds[trials.points_with("y")] = 1
    folds[np.setdiff1d(np.arange(3), trials.points_with("y"))] = 0
    assert sorted(trials.trials("y", 1.0, folds).folds) == [0, 1]
    assert trials.trials("x", 1.0, folds).folds.tolist() == folds.tolist()


def test_noise_of_repeats_is_the_pooled_variance_where_one_mixture_was_repeated() -> None:
    variance, df, relative = noise_of_repeats([np.array([1.0, 2.0, 3.0]), np.array([5.0])])
    assert (variance, df) == (1.0, 2.0)
    assert relative.tolist() == [1.0, 1.0]


def test_a_noisy_mixture_is_noisier_than_calm_ones_but_moderated() -> None:
    rng = np.random.default_rng(0)
    runs = [0.1 * rng.standard_normal(6) for _ in range(6)] + [3.0 * rng.standard_normal(6)]
    _, df, relative = noise_of_repeats([*runs, np.array([0.0])])
    assert df == 35
    assert relative[6] > 2 * relative[:6].max()
    assert relative[7] == 1.0


def test_repeats_that_agree_exactly_tell_no_noise() -> None:
    assert noise_of_repeats([np.array([2.0, 2.0]), np.array([1.0])])[:2] == (0.0, 0.0)
