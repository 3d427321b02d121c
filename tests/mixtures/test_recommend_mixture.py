"""The recommendation and the rows of a study of many sources, from trials whose truth is known."""

import csv
import io

import numpy as np
import pytest

from mixtures.mixture_posterior import NUM_SAMPLES, SEED
from mixtures.observation import Observation
from mixtures.own_answer import answer_own
from mixtures.own_tables import read_mixtures, read_scores
from mixtures.own_trials import join
from mixtures.recommend import NotEnoughTrials, recommend
from mixtures.study import StudySpec
from mixtures.study_answer import answer_study
from tests.mixtures.many_sources import bowls, many_source_study, observe_mixtures

NAMES = ("web", "books", "chat", "proofs")
CURRENT = {"web": 0.6, "books": 0.2, "chat": 0.1, "proofs": 0.1}
TOKENS = {"web": 800_000, "books": 200_000, "chat": 60_000, "proofs": 40_000}


def table(trials: list[Observation], *, scores: bool) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    names = tuple(trials[0].scores) if scores else NAMES
    writer.writerow(["id", *names])
    for one in trials:
        values = one.scores if scores else one.shares
        writer.writerow([one.trial_id, *(repr(values[name]) for name in names)])
    return out.getvalue()


def one_seed() -> tuple[StudySpec, list[Observation]]:
    study = many_source_study(seeds=[0])
    return study, observe_mixtures(study)


def test_a_study_gets_the_answer_that_fit_gives_for_the_same_tables() -> None:
    study, trials = one_seed()
    found = recommend(study, trials)
    own = answer_own(
        join(
            read_mixtures(table(trials, scores=False), "M.csv"),
            read_scores(table(trials, scores=True), "S.csv"),
            None,
        ),
        is_loss=True,
        candidates=None,
        num_samples=NUM_SAMPLES,
        seed=SEED,
    )
    choice = own.chosen_from.best.choice
    assert found.predicted_mean == pytest.approx(own.chosen_from.mean[choice], rel=1e-9)
    assert found.mixture.shares == pytest.approx(own.mixture, abs=1e-9)
    assert list(found.tie_group) == own.tie_group
    assert found.evidence.out_of_fold_spearman == own.evidence.spearman
    rows = {row.trial_ids[0]: row.posterior for row in answer_study(study, trials).leaderboard.rows}
    for name, mean, p_best in zip(
        own.of_trials.ids, own.of_trials.mean, own.of_trials.best.p_best, strict=True
    ):
        posterior = rows[name]
        assert posterior is not None
        assert posterior.mean == pytest.approx(mean, rel=1e-9)
        assert posterior.p_best == p_best


def test_the_best_mixture_is_found_between_the_trials_with_its_evidence() -> None:
    study = many_source_study(current_mixture=CURRENT)
    trials = observe_mixtures(study, noise=0.005, seed_sd=0.05)
    found = answer_study(study, trials, TOKENS).recommendation
    assert found is not None and found.enough_evidence
    # The truth: web .5, chat .3, proofs .2, where the mean of both losses is 1.54.
    truth = {"web": 0.5, "books": 0.0, "chat": 0.3, "proofs": 0.2}
    shares = found.mixture.shares
    losses = bowls(shares)
    assert sum(losses.values()) / 2 < 1.54 + 0.01
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-9)
    for name in NAMES:
        low, high = found.source_intervals[name]
        assert low <= shares[name] <= high
        assert abs(shares[name] - truth[name]) < 0.12
    assert found.sft_share == pytest.approx(shares["chat"] + shares["proofs"], abs=1e-9)
    assert found.interval[0] <= found.sft_share <= found.interval[1]
    assert found.curve is None and found.p_best == ()
    assert found.expected_regret >= 0.0 and 0.0 < found.p_best_of_choice <= 1.0
    assert found.evidence.num_trials == len(trials) == 41
    assert found.evidence.seed_sd == pytest.approx(0.05, rel=2.0)
    assert (found.evidence.out_of_fold_spearman or 0) > 0.9
    assert found.evidence.signal_to_noise.keys() == {"math", "code"}
    assert all(one.probability_better > 0.5 for one in found.compared_with)
    assert {one.baseline for one in found.compared_with} == set(study.baseline_mixtures)
    best = {one.benchmark: one.mixture for one in found.per_benchmark}
    assert best["math"] is not None and best["code"] is not None
    assert best["math"]["proofs"] > best["code"]["proofs"]
    assert found.epochs["chat"].proxy == pytest.approx(shares["chat"] * 100_000 / 60_000)
    low, high = found.best_share_interval or (0.0, 0.0)
    assert found.sentence.startswith(
        f"Decay on {100 * found.sft_share:.3g} % SFT ({100 * low:.3g} to {100 * high:.3g} %): web "
    )


def test_rows_are_in_the_order_of_the_posterior_and_probabilities_sum_over_them() -> None:
    study = many_source_study()
    board = answer_study(study, observe_mixtures(study), TOKENS).leaderboard
    posteriors = [row.posterior for row in board.rows]
    means = [one.mean for one in posteriors if one is not None]
    assert len(means) == len(board.rows) == 34
    assert means == sorted(means)
    assert [row.rank for row in board.rows] == list(range(1, 35))
    assert sum(one.p_best for one in posteriors if one) == pytest.approx(1.0)
    assert sum(one.p_top_k for one in posteriors if one) == pytest.approx(board.top_k)
    assert board.ranked_by == "posterior mean" and board.surrogate is not None
    assert not any(row.outside_tried_region for row in board.rows)
    assert board.rows[0].epochs["web"].proxy > 0


def test_more_is_better_turns_everything_round() -> None:
    study = many_source_study()
    up = many_source_study(objective={"metric": "score", "better": "higher"})
    trials = observe_mixtures(study)
    negated = [
        one.model_copy(update={"scores": {name: -v for name, v in one.scores.items()}})
        for one in trials
    ]
    down, found = recommend(study, trials), recommend(up, negated)
    assert found.mixture == down.mixture
    assert found.predicted_mean == pytest.approx(-down.predicted_mean)
    assert found.predicted_interval == pytest.approx(
        tuple(-x for x in down.predicted_interval[::-1])
    )
    assert found.expected_regret == pytest.approx(down.expected_regret)
    for one, other in zip(found.compared_with, down.compared_with, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        assert one.probability_better == other.probability_better


def test_the_recommendation_keeps_the_rules_of_the_space_though_baselines_break_them() -> None:
    # The best has proofs .2 and web .5.
    space = {
        "sft_share_range": [0.1, 0.6],
        "free_groups": ["sft", "pretrain"],
        "bounds": {"proofs": [0.0, 0.1]},
        "constraints": [{"coefficients": {"web": 1.0, "chat": 1.0}, "at_most": 0.6}],
    }
    study = many_source_study(space=space)
    found = recommend(study, observe_mixtures(study))
    shares = found.mixture.shares
    assert shares["proofs"] <= 0.1 + 1e-6
    assert shares["web"] + shares["chat"] <= 0.6 + 1e-6
    assert 0.1 - 1e-6 <= found.sft_share <= 0.6 + 1e-6


def test_the_rules_name_other_mixtures_of_those_that_are_tied() -> None:
    def named(rule: str) -> tuple[float, float]:
        study = many_source_study(recommend=rule, current_mixture=CURRENT)
        found = answer_study(study, observe_mixtures(study, noise=0.03), TOKENS).recommendation
        assert found is not None
        assert found.choice_rule == rule and found.choice_words
        moved = sum(abs(found.mixture.shares[name] - CURRENT[name]) for name in NAMES) / 2
        return found.sft_share, moved

    lowest, cheapest = named("lowest_mean"), named("cheapest")
    assert cheapest[0] < lowest[0] - 0.02
    assert named("closest_to_current")[1] < lowest[1] - 0.02


def test_noise_alone_is_not_enough_and_says_how_many_more() -> None:
    study = many_source_study()
    trials = observe_mixtures(study, losses=lambda _: {"math": 2.0, "code": 1.0}, noise=0.1)
    found = recommend(study, trials)
    assert not found.enough_evidence
    assert found.evidence.shortfalls
    assert found.sentence.startswith("Not enough evidence to prefer a mixture: ")
    assert any("more trial" in note for note in found.notes)


def test_too_few_mixtures_say_how_many_are_missing() -> None:
    study = many_source_study()
    for num, words in ((0, "there are 0, so 3 more"), (2, "there are 2, so 1 more")):
        with pytest.raises(NotEnoughTrials, match=words):
            recommend(study, observe_mixtures(study)[:num])
        board = answer_study(study, observe_mixtures(study)[:num]).leaderboard
        assert board.no_posterior is not None and words in board.no_posterior
    some = recommend(study, observe_mixtures(study)[:5])
    assert not some.enough_evidence


def test_a_line_of_few_shares_among_many_mixtures_of_a_team_is_fitted_as_mixtures() -> None:
    # The space is a sweep, and the team imported whatever it had.
    study = many_source_study(space={"sft_share": [0.0, 0.5]}, design={})
    shares = [
        dict(zip(NAMES, row, strict=True))
        for row in np.random.default_rng(0).dirichlet(np.ones(4), 12).tolist()
    ]
    board = answer_study(study, observe_mixtures(study, shares=shares)).leaderboard
    assert board.surrogate is not None and board.surrogate.startswith("stack of")
