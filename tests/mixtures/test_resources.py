"""What a trial takes of the cluster, and which studies can be packed."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.resources import Resources
from tests.mixtures.share_study import make_study, make_trial


def test_trials_of_before_there_were_packs_keep_their_identity() -> None:
    assert Resources().canonical() == '{"cpus_per_trial":1.0}'
    same = make_trial(resources={"packed_trials": 1})
    assert same.trial_id == make_trial().trial_id
    assert make_study(resources={"packed_trials": 1}).content_hash() == make_study().content_hash()


def test_a_packed_trial_is_another_trial_because_its_bits_are_others() -> None:
    ids = {make_trial(resources={"packed_trials": number}).trial_id for number in (1, 2, 8)}
    assert len(ids) == 3


@pytest.mark.parametrize("number", [0, 65])
def test_a_pack_has_1_to_64_trials(number: int) -> None:
    with pytest.raises(ValidationError, match="packed_trials"):
        Resources(packed_trials=number)


MUON = {"decay": {"optimiser": "muon"}}
MUON_TOO = {"space": {"sft_share": [0.5], "factors": {"decay.optimiser": ["adamw", "muon"]}}}


@pytest.mark.parametrize(
    ("changes", "field"),
    [(MUON, "decay.optimiser"), (MUON_TOO, "space.factors.decay.optimiser")],
)
def test_muon_cannot_be_packed(changes: dict[str, Any], field: str) -> None:
    make_study(**changes)
    with pytest.raises(ValidationError) as caught:
        make_study(**changes, resources={"packed_trials": 4})
    error = caught.value.errors()[0]["ctx"]["error"]
    assert (error.field, error.value) == (field, "muon")
    assert "packed_trials is 4" in str(error)
