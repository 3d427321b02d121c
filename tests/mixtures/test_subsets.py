"""Which subset a trial reads, and studies that could not tell it from the seed."""

from typing import Any

import pytest

from mixtures.design import first_trials
from mixtures.value import InvalidField
from tests.mixtures.outside_study import make_outside_study
from tests.mixtures.share_study import HASHES, make_study, make_trial

FULL_RUN = {"decay_tokens": 1_000_000, "unique_tokens": {"web": 500_000}}


def test_seeds_take_turns_with_the_subsets_and_no_trial_is_added() -> None:
    plain = make_study(seeds=[0, 1, 2], full_run=FULL_RUN, data_seed=7)
    study = make_study(seeds=[0, 1, 2], full_run=FULL_RUN, data_seed=7, data_seeds=2)
    trials = first_trials(study, "study", HASHES)
    assert {(one.seed, one.data_seed) for one in trials} == {(0, None), (1, 8), (2, None)}
    before = {one.trial_id for one in first_trials(plain, "study", HASHES)}
    # A trial of the first subset is the one that it was; the others read other data.
    assert {one.trial_id in before for one in trials if one.data_seed is None} == {True}
    assert {one.trial_id in before for one in trials if one.data_seed is not None} == {False}


def test_a_study_and_a_trial_of_before_keep_their_identity() -> None:
    study = make_study()
    assert "data_seeds" not in study.canonical()
    assert "data_seed_of" not in study.canonical()
    assert "data_seed" not in make_trial().model_dump(mode="json")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": [0, 1, 2], "data_seeds": 2, "full_run": None}, "without full_run"),
        ({"seeds": [0, 1], "data_seeds": 2}, "one of them twice"),
        ({"seeds": [0, 2, 4], "data_seeds": 2}, r"read the subsets \[0, 0, 0\]"),
    ],
)
def test_subsets_that_seeds_cannot_be_told_from_are_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as error:
        make_study(**{"full_run": FULL_RUN, **changes})
    cause = error.value.errors()[0]["ctx"]["error"]  # type: ignore[attr-defined]
    assert isinstance(cause, InvalidField) and cause.field == "data_seeds"


def test_a_study_that_is_trained_outside_draws_its_subsets_itself() -> None:
    study = make_outside_study(seeds=[0, 1, 2], data_seeds=2)
    assert [study.data_seed_of(seed) for seed in range(4)] == [None, 1, None, 1]
