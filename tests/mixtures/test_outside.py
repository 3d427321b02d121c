"""Studies that are trained outside: what they need, and what has no meaning for them."""

import pytest
from pydantic import ValidationError

from mixtures.design import trials_of_request
from mixtures.study import StudySpec
from mixtures.told import require_scores_fit, result_of
from mixtures.trial import Score, TrialRequest
from mixtures.value import InvalidField
from tests.mixtures.outside_study import OUTSIDE_STUDY, make_outside_study
from tests.mixtures.share_study import make_study


def test_names_kinds_and_tokens_are_enough_and_come_back_the_same() -> None:
    study = make_outside_study()
    assert [benchmark.outside for benchmark in study.benchmarks] == [True, True]
    assert study.objective.direction == "minimise"
    again = StudySpec.model_validate_json(study.canonical())
    assert again == study and again.content_hash() == study.content_hash()


def test_proportional_comes_from_the_tokens() -> None:
    shares = make_outside_study().baseline_mixtures["proportional"].shares
    assert shares == pytest.approx(
        {"web": 0.8 / 1.1, "books": 0.2 / 1.1, "chat": 0.06 / 1.1, "proofs": 0.04 / 1.1}
    )


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"proxy": "nano"}, "proxy", "for our own workers"),
        ({"keep_weights": "all"}, "keep_weights", "for our own workers"),
        ({"data_seed": 3}, "data_seed", "for our own workers"),
        (
            {"benchmarks": [{"name": "math", "human_eval": True}]},
            "benchmarks.0",
            "says where its items are",
        ),
        (
            {
                "sources": [
                    {"name": "web", "kind": "pretrain", "files": ["a.jsonl"], "text": "{{ t }}"}
                ]
            },
            "sources.0.tokens",
            "'web' needs tokens",
        ),
        ({"objective": {"metric": "loss"}}, "objective.metric", "'loss' is no metric"),
        (
            {"objective": {"metric": "acc", "better": "lower"}},
            "objective.better",
            "acc is to maximise",
        ),
    ],
)
def test_what_does_not_belong_to_it_is_refused(
    changes: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(ValidationError) as error:
        make_outside_study(**changes)
    found = error.value.errors()[0]
    assert found["ctx"]["error"].field == field
    assert words in found["msg"]


def test_our_own_workers_take_no_source_without_a_place_and_no_benchmark_without_items() -> None:
    with pytest.raises(ValidationError, match="enough for a study with trained_by: outside"):
        make_study(sources=OUTSIDE_STUDY["sources"], pretrain_shares=None)
    with pytest.raises(ValidationError, match="that needs trained_by: outside"):
        StudySpec.model_validate(
            make_study().model_dump() | {"benchmarks": [{"name": "math", "outside": True}]}
        )


def test_sft_sets_alone_can_be_mixed() -> None:
    study = make_outside_study(
        sources=OUTSIDE_STUDY["sources"][2:], space={"sft_share": [1.0], "free_groups": ["sft"]}
    )
    assert set(study.baseline_mixtures) == {"uniform", "proportional"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([("math", "loss")], "the objective needs loss of code"),
        ([("math", "loss"), ("code", "acc")], "the objective needs loss of code"),
        ([("maths", "loss")], "no such benchmark"),
        ([("math", "loss"), ("math", "loss")], "told twice"),
    ],
)
def test_scores_that_the_objective_cannot_read_are_refused(
    told: list[tuple[str, str]], words: str
) -> None:
    scores = [Score(benchmark=name, metric=metric, value=1.0) for name, metric in told]
    with pytest.raises(InvalidField, match=words):
        require_scores_fit(make_outside_study(), scores)


def test_a_result_counts_what_was_read() -> None:
    study = make_outside_study()
    shares = {"web": 0.5, "books": 0.1, "chat": 0.4}
    (spec,) = trials_of_request(TrialRequest(shares=shares, seed=0), study, "s", {})
    result = result_of(spec, 2, [Score(benchmark="math", metric="loss", value=1.0)], 50.0, "ann")
    assert result.source_tokens == {"web": 50_000, "books": 10_000, "chat": 40_000, "proofs": 0}
    # 40,000 of 60,000 tokens.
    assert result.epochs["chat"] == pytest.approx(2 / 3)
    assert result.wall_seconds == {"outside": 50.0}
    assert result.decay_tokens_per_second == pytest.approx(2000.0)
