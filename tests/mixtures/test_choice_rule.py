"""Each rule on four mixtures whose order differs by every figure."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mixtures.choice_rule import ChoiceRule, Choosable, choose, total_variation
from mixtures.value import InvalidField
from tests.mixtures.share_study import make_study


def four(**changes: Any) -> Choosable:
    figures: dict[str, Any] = {
        "mean": np.array([1.0, 1.1, 1.2, 0.5]),
        "is_tied": np.array([True, True, True, False]),
        "p_best": np.array([0.0, 0.3, 0.4, 0.9]),
        "sft_share": np.array([0.5, 0.2, 0.3, 0.0]),
        "most_epochs": np.array([1.0, 3.0, 2.0, 0.0]),
        "distance": np.array([0.4, 0.3, 0.1, 0.0]),
    }
    return Choosable(**{**figures, **changes})


@pytest.mark.parametrize(
    ("rule", "row"),
    [("lowest_mean", 0), ("cheapest", 1), ("closest_to_current", 2), ("most_probable", 2)],
)
def test_a_rule_chooses_among_those_that_are_tied_alone(rule: ChoiceRule, row: int) -> None:
    # The fourth is the best by every figure, and told from the best by the fit.
    assert choose(rule, four()) == row


def test_equal_sft_shares_are_decided_by_repetition_and_then_by_the_mean() -> None:
    # 20.02 % and 20 % are alike to a tenth of a per cent.
    shares = np.array([0.2002, 0.2, 0.3, 0.0])
    assert choose("cheapest", four(sft_share=shares)) == 0
    assert choose("cheapest", four(sft_share=shares, most_epochs=np.zeros(4))) == 0
    assert choose("cheapest", four(sft_share=shares, mean=np.array([2.0, 1.0, 1.0, 1.0]))) == 0
    less = np.array([3.0, 1.0, 0.0, 0.0])
    assert choose("cheapest", four(sft_share=shares, most_epochs=less)) == 1


def test_distance_is_the_part_of_the_tokens_that_changes_its_source() -> None:
    shares = np.array([[0.5, 0.3, 0.2], [0.5, 0.5, 0.0]])
    assert total_variation(shares, np.array([0.5, 0.3, 0.2])) == pytest.approx([0.0, 0.2])


def test_closest_to_current_needs_a_current_mixture() -> None:
    with pytest.raises(ValidationError, match="closest_to_current needs current_mixture") as caught:
        make_study(recommend="closest_to_current")
    cause = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(cause, InvalidField) and cause.field == "recommend"
