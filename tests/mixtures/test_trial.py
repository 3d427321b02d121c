"""Trials: identity by content, requests as short as a share, and the states that may follow."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.design import trials_of_request
from mixtures.trial import PROMOTIONS, TrialRequest, TrialResult, TrialSpec, TrialState
from tests.db.made_up import make_result
from tests.mixtures.share_study import HASHES, make_study, make_trial


def test_the_same_content_is_the_same_make_trial() -> None:
    assert make_trial().trial_id == make_trial().trial_id
    assert TrialSpec.model_validate_json(make_trial().canonical()).trial_id == make_trial().trial_id
    by_shares = TrialRequest(
        shares={"chat": 0.32, "proofs": 0.32, "web": 0.27, "books": 0.09}, seed=0
    )
    assert (
        trials_of_request(by_shares, make_study(), "study", HASHES)[0].trial_id
        == make_trial().trial_id
    )


@pytest.mark.parametrize(
    "other",
    [
        make_trial(seed=1),
        make_trial(hashes={"sources.web": "1" * 64}),
        make_trial(decay={"tokens": 160_000}),
        make_trial(decay={"form": "linear"}),
        make_trial(data_seed=1),
        make_trial(optimiser={"peak_lr": 0.02}),
        make_trial(full_run={"decay_tokens": 10**9}),
    ],
)
def test_whatever_changes_the_bytes_of_a_result_changes_the_make_trial(other: TrialSpec) -> None:
    assert other.trial_id != make_trial().trial_id


def test_the_question_the_space_and_the_objective_are_no_part_of_a_trial() -> None:
    other = make_trial(
        question="Why?", space={"sft_share": [0.5]}, objective={"weights": {"math": 2}}
    )
    assert other.trial_id == make_trial().trial_id


def test_a_copy_with_another_field_is_another_trial() -> None:
    trial = make_trial()
    assert trial.trial_id == make_trial().trial_id  # known from here on
    assert trial.model_copy(update={"seed": 1}).trial_id == make_trial(seed=1).trial_id
    assert trial.model_copy().trial_id == trial.trial_id
    # To know it is no part of the value.
    assert trial == make_trial()
    assert trial.canonical() == make_trial().canonical()


def test_the_share_is_that_of_the_mixture() -> None:
    assert make_trial().sft_share == 0.64


@pytest.mark.parametrize(
    ("request_body", "words"),
    [
        ({}, "neither of sft_share and shares given, expected exactly one"),
        ({"sft_share": 0.5, "shares": {"web": 1.0}}, "both of sft_share and shares given"),
        ({"shares": {"web": 0.5, "chat": 0.4}}, r"shares sum to 0\.9, expected 1"),
        ({"shares": {}}, "shares"),
        ({"sft_share": -0.1}, "sft_share"),
        ({"sft_share": 0.5, "seed": -1}, "seed"),
        ({"sft_share": 0.5, "seed": 2**31}, "seed"),
        ({"sft_share": 0.5, "seeds": [1]}, "seeds"),
    ],
)
def test_a_request_asks_for_exactly_one_mixture(request_body: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TrialRequest.model_validate(request_body)


def test_a_request_may_leave_sources_out_but_not_invent_one() -> None:
    recipe = make_study().recipe
    shares = TrialRequest(shares={"chat": 1.0}).mixture(recipe).shares
    assert shares == {"web": 0.0, "books": 0.0, "chat": 1.0, "proofs": 0.0}
    with pytest.raises(ValueError, match=r"unknown source 'songs'; there are \['web', 'books',"):
        TrialRequest(shares={"songs": 1.0}).mixture(recipe)


def test_a_result_comes_back_from_json_as_it_was() -> None:
    result = make_result("t", 3, math=1.5)
    assert TrialResult.model_validate_json(result.canonical()) == result


def test_a_score_that_is_not_a_number_is_no_score() -> None:
    with pytest.raises(ValidationError, match="finite"):
        make_result("t", 1, math=float("nan"))


def test_every_state_says_what_may_follow() -> None:
    assert set(PROMOTIONS) == set(TrialState)
    finished = {state for state in TrialState if state.is_finished}
    assert finished == {TrialState.COMPLETE, TrialState.FAILED, TrialState.CANCELLED}
    # What is complete stays so; what failed or was cancelled can only be run again.
    assert PROMOTIONS[TrialState.COMPLETE] == frozenset()
    assert PROMOTIONS[TrialState.FAILED] == PROMOTIONS[TrialState.CANCELLED] == {TrialState.WAITING}
    # Only a running trial can end with an answer.
    assert {s for s in TrialState if TrialState.COMPLETE in PROMOTIONS[s]} == {TrialState.RUNNING}
