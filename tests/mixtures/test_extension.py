"""What of a study may change, and that no trial that was run becomes another by it."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.design import first_trials
from mixtures.extension import Extension
from mixtures.study import StudySpec
from mixtures.value import InvalidField
from tests.mixtures.share_study import make_study


def ids(study: StudySpec) -> set[str]:
    return {spec.trial_id for spec in first_trials(study, "study-1", {})}


def test_an_extension_adds_trials_and_keeps_those_there_are() -> None:
    study = make_study(space={"sft_share": [0.0, 0.5, 1.0]}, baselines={"pretrain_only": 0.0})
    wider = Extension(sft_share=(0.25, 0.5), seeds=(7, 0), max_trials=2000).applied_to(study)
    assert wider.space.sft_share == (0.0, 0.5, 1.0, 0.25)
    assert wider.seeds == (0, 1, 7)
    assert wider.budget.max_trials == 2000
    # Three shares with two seeds were there; now four with three.
    assert len(ids(study)) == 6
    assert len(ids(wider)) == 12
    assert ids(study) <= ids(wider)
    assert Extension(sft_share=(0.25, 0.5), seeds=(7, 0)).applied_to(wider) == wider


def test_a_searched_study_takes_more_budget_seeds_and_another_search() -> None:
    study = make_study(
        space={"sft_share_range": [0.0, 1.0]},
        design={"num_mixtures": 5, "num_repeated": 2},
        budget={"max_trials": 50, "max_hours": 2.0},
    )
    more = Extension(max_hours=9.5, max_tokens=10**9, seeds=(2,), search={"seed": 3})  # type: ignore[arg-type]
    wider = more.applied_to(study)
    assert (wider.budget.max_hours, wider.budget.max_tokens) == (9.5, 10**9)
    assert wider.search is not None
    assert wider.search.seed == 3
    # The two that are repeated, with the new seed too.
    assert len(ids(wider) - ids(study)) == 2
    assert ids(study) <= ids(wider)


@pytest.mark.parametrize(
    "field", sorted(set(StudySpec.model_fields) - {"seeds", "search", "claims"})
)
def test_a_field_that_may_not_change_is_refused_by_name(field: str) -> None:
    with pytest.raises(ValidationError, match=f"{field} stays as it is.*max_trials.*Clone"):
        Extension.model_validate({field: 1, "max_trials": 5})


def test_claims_are_changed_by_submitting_the_study_again() -> None:
    with pytest.raises(ValidationError, match="claims change no trial: submit the study again"):
        Extension.model_validate({"claims": [], "max_trials": 5})


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"max_trials": 10}, "max_trials", "budget.max_trials is 20 now"),
        ({"sft_share": [0.1]}, "sft_share", "no list of shares"),
        ({"seeds": list(range(9, 99))}, "budget.max_trials", "allows 20"),
    ],
)
def test_what_does_not_fit_the_study_is_refused(
    change: dict[str, Any], field: str, words: str
) -> None:
    study = make_study(
        space={"sft_share_range": [0.0, 1.0]},
        design={"num_mixtures": 5, "num_repeated": 2},
        budget={"max_trials": 20},
    )
    with pytest.raises(InvalidField, match=words) as caught:
        Extension.model_validate(change).applied_to(study)
    assert caught.value.field == field


def test_an_extension_without_anything_is_refused() -> None:
    with pytest.raises(ValidationError, match="changes nothing"):
        Extension()
