"""The objective: a weighted mean, recomputed from its parts."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.objective import Objective
from tests.mixtures.share_study import make_study


def test_without_weights_it_is_the_plain_mean() -> None:
    assert Objective().value({"math": 1.0, "code": 2.0, "text": 6.0}) == 3.0


def test_weights_by_hand() -> None:
    objective = Objective(weights={"math": 3.0, "code": 0.0}, default_weight=0.5)
    # (3 * 1 + 0 * 100 + .5 * 8) / (3 + 0 + .5)
    assert objective.value({"math": 1.0, "code": 100.0, "text": 8.0}) == 2.0


def test_the_scale_of_the_weights_does_not_matter() -> None:
    scores = {"math": 1.25, "code": 7.5}
    one = Objective(weights={"math": 1.0, "code": 3.0})
    other = Objective(weights={"math": 0.25, "code": 0.75})
    assert one.value(scores) == other.value(scores) == 5.9375


def test_the_sum_does_not_depend_on_the_order_of_the_scores() -> None:
    scores = {"a": 1e16, "b": 1.0, "c": -1e16}
    turned = dict(reversed(scores.items()))
    # A running sum would lose the 1 in one of the two orders.
    assert Objective().value(scores) == Objective().value(turned) == 1 / 3


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        ({"weights": {"maths": 1}}, r"names 'maths'; the benchmarks are \['math', 'code'\]"),
        ({"weights": {"math": -1}}, r"objective\.weights\['math'\] is -1\.0, expected 0 or more"),
        ({"weights": {"math": 0, "code": 0}}, "gives every benchmark weight 0"),
        ({"default_weight": 0}, "gives every benchmark weight 0"),
        ({"default_weight": -1}, "default_weight"),
        ({"weights": {"math": float("nan")}}, "finite"),
        # No trial would have a score in it, so no answer would ever come.
        ({"metric": "accuracy"}, "objective.metric"),
    ],
)
def test_an_objective_that_fits_no_benchmark_is_refused(
    objective: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        make_study(objective=objective)


def test_one_weight_above_zero_is_enough() -> None:
    study = make_study(objective={"default_weight": 0, "weights": {"code": 2}})
    assert study.objective.value({"math": 9.0, "code": 4.0}) == 4.0
