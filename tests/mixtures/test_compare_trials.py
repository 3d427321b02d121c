"""Trials side by side: paired differences by hand, and what is said where nothing can be."""

from dataclasses import replace

import pytest

from mixtures.compare_trials import compare_trials
from mixtures.rank import Observation, leaderboard
from mixtures.study import StudySpec
from mixtures.trial import Score, TrialState
from mixtures.trial_comparison import ChosenTrial
from tests.mixtures.share_study import make_study

SHARES = {0.0: {"web": 1.0}, 0.5: {"web": 0.5, "qa": 0.5}, 1.0: {"qa": 1.0}}


@pytest.fixture(scope="module")
def study() -> StudySpec:
    return make_study()


def chosen(
    study: StudySpec, share: float, seed: int, value: float | None, study_id: str = "s"
) -> ChosenTrial:
    """`value` on every benchmark; None is a trial that has not finished."""
    scores = (
        ()
        if value is None
        else tuple(
            Score(benchmark=one.name, metric="bits_per_byte", value=value, standard_error=0.5)
            for one in study.benchmarks
        )
    )
    return ChosenTrial(
        trial_id=f"{study_id}-{share}-{seed}",
        study_id=study_id,
        state=TrialState.COMPLETE if scores else TrialState.RUNNING,
        shares=study.mixture_at(share).shares,
        sft_share=share,
        seed=seed,
        scores=scores,
    )


def test_differences_are_over_common_seeds_alone(study: StudySpec) -> None:
    trials = [
        chosen(study, 0.0, 0, 3.0),
        chosen(study, 0.0, 1, 4.0),
        chosen(study, 0.5, 1, 3.5),
        chosen(study, 0.5, 2, 9.0),
    ]
    found = compare_trials({"s": study}, trials, {})
    first, second = found.mixtures
    assert (first.label, second.label) == ("A", "B")
    assert first.seeds == (0, 1)
    assert first.mean == 3.5
    assert first.differences == {}
    # Seed 1 alone: 3.5 - 4.0; seed 2, which A does not have, says nothing.
    difference = second.differences["objective"]
    assert difference.value == pytest.approx(-0.5)
    assert difference.num_pairs == 1
    assert difference.interval is not None
    assert set(second.differences) == {"objective", *(one.name for one in study.benchmarks)}
    score = found.trials[0].scores[study.benchmarks[0].name]
    assert score.interval == pytest.approx((3.0 - 0.98, 3.0 + 0.98))


def test_intervals_are_those_of_the_leaderboard(study: StudySpec) -> None:
    values = {
        (0.0, 0): 3.0,
        (0.0, 1): 3.3,
        (0.64, 0): 2.5,
        (0.64, 1): 2.6,
        (1.0, 0): 2.9,
        (1.0, 1): 3.1,
    }
    trials = [chosen(study, share, seed, value) for (share, seed), value in values.items()]
    observed = [
        Observation(
            trial_id=one.trial_id,
            shares=one.shares,
            sft_share=one.sft_share,
            seed=one.seed,
            scores={score.benchmark: score.value for score in one.scores},
        )
        for one in trials
    ]
    board = leaderboard(study, observed)
    found = compare_trials({"s": study}, trials, {"s": observed})
    rows = {row.sft_share: row for row in board.rows}
    for one in found.mixtures:
        assert one.interval == pytest.approx(rows[one.sft_share].interval)
    paired = {pair.baseline: pair for pair in rows[0.64].paired}["pretrain_only"]
    difference = found.mixtures[1].differences["objective"]
    assert difference.value == pytest.approx(paired.difference)
    assert difference.interval == pytest.approx(paired.interval)


def test_no_common_seed_is_said(study: StudySpec) -> None:
    found = compare_trials(
        {"s": study}, [chosen(study, 0.0, 0, 3.0), chosen(study, 0.5, 1, 2.0)], {}
    )
    difference = found.mixtures[1].differences["objective"]
    assert (difference.value, difference.num_pairs, difference.interval) == (-1.0, 0, None)
    assert any("No seed in common with A: B." in note for note in found.notes)
    assert any("noise is not known" in note for note in found.notes)


def test_a_trial_without_scores_is_listed_and_named(study: StudySpec) -> None:
    found = compare_trials(
        {"s": study}, [chosen(study, 0.0, 0, 3.0), chosen(study, 0.5, 0, None)], {}
    )
    assert found.mixtures[1].mean is None
    assert found.trials[1].objective is None
    assert found.notes[0] == "No score in bits_per_byte: s-0.5-0."


def test_no_difference_is_taken_between_studies(study: StudySpec) -> None:
    trials = [chosen(study, 0.0, 0, 3.0, "a"), chosen(study, 0.5, 0, 2.0, "b")]
    found = compare_trials({"a": study, "b": study}, trials, {})
    assert [one.differences for one in found.mixtures] == [{}, {}]
    assert any("several studies" in note for note in found.notes)


def test_one_mixture_at_two_levels_of_a_factor_is_two_rows(study: StudySpec) -> None:
    linear = {"decay.form": "linear"}
    trials = [
        chosen(study, 0.5, 0, 3.0),
        replace(chosen(study, 0.5, 0, 2.0), trial_id="linear", factors=linear),
    ]
    found = compare_trials({"s": study}, trials, {})
    assert [one.factors for one in found.mixtures] == [{}, linear]
    # On one seed: 2 - 3, which as one row would have been a mean of 2.5.
    assert found.mixtures[1].differences["objective"].value == pytest.approx(-1.0)


def test_a_hundred_mixtures_have_labels_of_their_own(study: StudySpec) -> None:
    trials = [chosen(study, share / 100, 0, 3.0) for share in range(100)]
    found = compare_trials({"s": study}, trials, {})
    labels = [one.label for one in found.mixtures]
    assert len(set(labels)) == 100
    assert labels[25:28] == ["Z", "AA", "AB"]
