"""The whole way from two CSV texts to a recommendation, on a study whose answer is known."""

import json

import numpy as np
import pytest

from mixtures.own_answer import OwnAnswer, answer_own
from mixtures.own_report import files_of, recommendation
from mixtures.own_tables import BadTable, read_mixtures, read_scores
from mixtures.own_trials import join
from tests.mixtures.own_study import SOURCES, draw_shares, losses, study, table


def answered(
    mixtures: str,
    scores: str,
    candidates: str | None = None,
    *,
    is_loss: bool = True,
    seed: int = 0,
) -> OwnAnswer:
    tried = read_mixtures(mixtures, "m.csv")
    return answer_own(
        join(tried, read_scores(scores, "s.csv"), None),
        is_loss=is_loss,
        candidates=read_mixtures(candidates, "c.csv", tried.sources) if candidates else None,
        num_samples=500,
        seed=seed,
    )


@pytest.fixture(scope="module")
def with_candidates() -> OwnAnswer:
    mixtures, scores, _ = study()
    return answered(mixtures, scores, table(SOURCES, "c", draw_shares(60, 9)))


@pytest.mark.parametrize(("count", "folds"), [(14, 14), (30, 5)])
def test_few_mixtures_are_left_out_one_by_one(count: int, folds: int) -> None:
    mixtures, scores, _ = study(count)
    fit = answered(mixtures, scores).fit
    assert [len(np.unique(stack.trials.folds)) for stack in fit.stacks] == [folds, folds]


def test_the_recommended_candidate_is_about_the_best(with_candidates: OwnAnswer) -> None:
    truth = losses(draw_shares(60, 9)).mean(axis=1)
    pool = with_candidates.of_candidates
    assert pool is not None
    assert truth[pool.best.choice] - truth.min() < 0.1 * (np.median(truth) - truth.min())
    assert f"c{np.argmin(truth)}" in with_candidates.tie_group
    assert len(with_candidates.tie_group) < 30
    assert with_candidates.evidence.is_enough
    assert pool.best.p_best.sum() == pytest.approx(1.0)
    assert sorted(pool.ranks) == list(range(1, 61))


def test_the_recommendation_has_exactly_its_keys_and_is_json(with_candidates: OwnAnswer) -> None:
    found = json.loads(files_of(with_candidates)["recommendation.json"])
    assert set(found) == {
        "mixture",
        "interval",
        "predicted_mean",
        "predicted_sd",
        "p_best",
        "expected_regret",
        "tie_group",
        "surrogate",
        "out_of_fold_spearman",
        "enough_evidence",
        "data_warnings",
        "transfer",
        "choice_rule",
    }
    assert sum(found["mixture"].values()) == pytest.approx(1.0)
    for source, share in found["mixture"].items():
        assert found["interval"][source][0] <= share <= found["interval"][source][1]
    assert found["out_of_fold_spearman"] > 0.9
    assert found["expected_regret"] >= 0.0


def test_tables_are_best_first_with_their_columns(with_candidates: OwnAnswer) -> None:
    files = files_of(with_candidates)
    trials = [line.split(",") for line in files["trials.csv"].splitlines()]
    assert ",".join(trials[0]) == (
        "id,raw_mean,posterior_mean,posterior_sd,p_best,rank,tie_group,transfer_mean,transfer_rank"
    )
    assert [row[5] for row in trials[1:]] == [str(i) for i in range(1, 41)]
    assert {row[6] for row in trials[1:]} == {"true", "false"}
    candidates = files["candidates.csv"].splitlines()
    assert candidates[0] == (
        "id,posterior_mean,posterior_sd,p_best,rank,transfer_mean,transfer_rank"
    )
    assert len(candidates) == 61


def test_without_candidates_the_mixture_lies_between_those_tried_and_near_the_best() -> None:
    mixtures, scores, shares = study()
    answer = answered(mixtures, scores)
    found = np.array(list(answer.mixture.values()))
    assert np.abs(found - [0.4, 0.3, 0.3]).max() < 0.1
    assert (found >= shares.min(axis=0) - 1e-9).all()
    assert set(answer.tie_group) <= {f"t{i}" for i in range(40)}
    assert "candidates.csv" not in files_of(answer)


def test_where_more_is_better_the_mirror_image_is_the_same_answer() -> None:
    mixtures, scores, _ = study()
    header, *rows = scores.splitlines()
    mirrored = [header]
    for row in rows:
        name, *values = row.split(",")
        mirrored.append(",".join([name, *(f"{-float(value):.6f}" for value in values)]))
    low = recommendation(answered(mixtures, scores))
    high = recommendation(answered(mixtures, "\n".join(mirrored), is_loss=False))
    assert high["mixture"] == pytest.approx(low["mixture"])
    assert high["predicted_mean"] == pytest.approx(-low["predicted_mean"])
    assert high["expected_regret"] == pytest.approx(low["expected_regret"])


def test_the_same_seed_gives_the_same_bytes() -> None:
    mixtures, scores, _ = study(count=20)
    first = files_of(answered(mixtures, scores, seed=3))
    assert first == files_of(answered(mixtures, scores, seed=3))
    assert first != files_of(answered(mixtures, scores, seed=4))


def test_pure_noise_is_not_enough_evidence() -> None:
    mixtures, _, _ = study()
    noise = np.random.default_rng(5).standard_normal((40, 1))
    answer = answered(mixtures, table(("arc",), "t", noise))
    assert not answer.evidence.is_enough


def test_a_constant_metric_ties_everything_and_is_not_enough() -> None:
    mixtures, _, _ = study()
    answer = answered(mixtures, table(("arc",), "t", np.full((40, 1), 0.5)))
    assert not answer.evidence.is_enough
    assert len(answer.tie_group) == 40
    assert recommendation(answer)["out_of_fold_spearman"] is None
    assert recommendation(answer)["predicted_mean"] == 0.5


def test_a_constant_metric_beside_a_live_one_changes_nothing_but_the_level() -> None:
    mixtures, _, shares = study()
    measured = losses(shares)
    both = table(("arc", "dead"), "t", np.column_stack([measured[:, 0], np.full(40, 4.0)]))
    alone = table(("arc",), "t", measured[:, [0]])
    two, one = answered(mixtures, both), answered(mixtures, alone)
    assert two.mixture == pytest.approx(one.mixture, abs=1e-6)
    assert recommendation(two)["predicted_mean"] == pytest.approx(
        (recommendation(one)["predicted_mean"] + 4.0) / 2
    )


def test_one_wild_score_is_told_and_not_believed() -> None:
    mixtures, scores, _ = study()
    lines = scores.splitlines()
    name, first, second = lines[8].split(",")
    lines[8] = f"{name},{float(first) - 20.0},{second}"
    answer = answered(mixtures, "\n".join(lines))
    (warning,) = answer.trials.warnings
    assert (warning.id, warning.column) == (name, "arc")
    found = np.array(list(answer.mixture.values()))
    assert np.abs(found - [0.4, 0.3, 0.3]).max() < 0.1


def test_few_mixtures_are_not_enough_and_two_are_refused() -> None:
    mixtures, scores, _ = study(count=5)
    assert not answered(mixtures, scores).evidence.is_enough
    mixtures, scores, _ = study(count=2)
    with pytest.raises(BadTable, match="2 mixtures have a usable score"):
        answered(mixtures, scores)
