"""What would change an answer, from answers made up for it."""

import numpy as np
import pytest

from mixtures.rank import leaderboard
from mixtures.recommend import recommend
from mixtures.recommendation import BenchmarkOptimum, Recommendation, WorstBenchmark
from mixtures.repetition import Epochs
from mixtures.study import StudySpec
from mixtures.what_would_change import what_would_change
from tests.mixtures.share_study import make_study, observe_curve


@pytest.fixture(scope="module")
def study() -> StudySpec:
    return make_study()


@pytest.fixture(scope="module")
def answer(study: StudySpec) -> Recommendation:
    trials = observe_curve(study, lambda x: (x - 0.6) ** 2, 0.003, np.random.default_rng(0))
    return recommend(study, trials)


def changes(study: StudySpec, answer: Recommendation, **changed: object) -> str:
    trials = observe_curve(study, lambda x: (x - 0.6) ** 2, 0.003, np.random.default_rng(0))
    made = answer.model_copy(
        update={"per_benchmark": (), "tie_group": (), "worst_benchmark": None, **changed}
    )
    return "\n".join(what_would_change(study, made, leaderboard(study, trials)))


def test_nothing_known_is_nothing_said(study: StudySpec, answer: Recommendation) -> None:
    assert changes(study, answer, enough_evidence=True) == ""


def test_missing_evidence_comes_first_with_its_number(
    study: StudySpec, answer: Recommendation
) -> None:
    said = changes(study, answer, enough_evidence=False, more_trials_needed=1234)
    assert said.startswith("More trials: about 1,234 more")
    unknown = changes(study, answer, enough_evidence=False, more_trials_needed=None)
    assert unknown.startswith("More trials or seeds")


def test_benchmarks_that_pull_away_are_named_the_farthest_first(
    study: StudySpec, answer: Recommendation
) -> None:
    optima = [
        BenchmarkOptimum(benchmark="math", best_share=0.9, interval=(0.8, 1.0), mean=1.0),
        BenchmarkOptimum(benchmark="code", best_share=0.0, interval=(0.0, 0.1), mean=1.0),
        BenchmarkOptimum(benchmark="near", best_share=0.5, interval=(0.0, 1.0), mean=1.0),
    ]
    lines = changes(study, answer, per_benchmark=optima).splitlines()
    assert lines[0] == "More weight on code: alone it is best at 0 % SFT (0 % to 10 %)."
    assert lines[1].startswith("More weight on math: alone it is best at 90 %")
    assert len(lines) == 2


def test_ties_the_worst_benchmark_and_repetition_are_said(
    study: StudySpec, answer: Recommendation
) -> None:
    worst = WorstBenchmark(
        benchmark="code", baseline="pretrain_only", difference=0.02, interval=(0.01, 0.03)
    )
    said = changes(
        study,
        answer,
        tie_group=("a", "b", "c"),
        choice_words="the one of least mean",
        worst_benchmark=worst,
        epochs={"chat": Epochs(proxy=9.0, full_run=None), "web": Epochs(proxy=1.0, full_run=3.9)},
    )
    assert "3 mixtures that were tried cannot be told apart" in said
    assert "named as the one of least mean" in said
    assert (
        "A floor on code: there it loses most, +0.0200 against pretrain only, which is more than"
        in said
    )
    assert "More text of chat: it is read 9.0 times" in said
    assert "web" not in said
