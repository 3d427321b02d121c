"""Objectives by the names that users give them."""

import pytest

from mixtures.named_objectives import (
    asked_objective,
    asked_objectives,
    default_objectives,
    group_weights,
    observations_of,
    own_objective,
)
from mixtures.study import StudySpec
from mixtures.value import InvalidField
from tests.mixtures.share_study import make_study, observe


def grouped_study() -> StudySpec:
    names = {"gsm": "maths", "algebra": "maths", "piqa": "sense"}
    benchmarks = [
        {"name": name, "group": group, "held_out": "web"} for name, group in names.items()
    ]
    plain = make_study().model_dump(mode="json", exclude_unset=True)
    objective = {"weights": {"gsm": 3.0}}
    return StudySpec.model_validate({**plain, "benchmarks": benchmarks, "objective": objective})


def test_without_names_the_groups_are_the_objectives_and_one_group_its_benchmarks() -> None:
    assert default_objectives(grouped_study()) == (["maths", "sense"], None)
    assert default_objectives(make_study()) == (["math", "code"], None)


def test_of_many_benchmarks_the_first_six_are_taken_and_the_others_named() -> None:
    names, note = default_objectives(make_study(tuple("abcdefgh")))
    assert names == list("abcdef")
    assert note is not None and note.startswith("g, h are not in this front")


def test_a_group_keeps_the_objectives_weights_inside_it() -> None:
    assert asked_objective(grouped_study(), "maths").weights == {"gsm": 0.75, "algebra": 0.25}
    assert group_weights(grouped_study(), "sense") == {"piqa": 1.0}
    assert own_objective(grouped_study()).weights == {"gsm": 0.6, "algebra": 0.2, "piqa": 0.2}


def test_a_metric_after_a_colon_has_its_own_direction_and_parts() -> None:
    found = asked_objective(grouped_study(), "piqa:acc")
    assert (found.weights, found.sign) == ({"piqa:acc": 1.0}, -1.0)
    assert asked_objective(grouped_study(), "piqa").sign == 1.0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["maths"], "1 objectives, expected 2"),
        (["maths", "maths"], "1 objectives, expected 2"),
        (["maths", "chess"], "names no benchmark and no group"),
        (["maths", "piqa:beauty"], "is no metric"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(names: list[str], words: str) -> None:
    with pytest.raises(InvalidField, match=words):
        asked_objectives(grouped_study(), names)


def test_each_trial_gets_the_scores_of_all_parts_that_it_has() -> None:
    study = grouped_study()
    bits = observe(study, 0.5, 0, gsm=1.0, algebra=2.0, piqa=3.0)
    accuracy = bits.model_copy(update={"scores": {"piqa": 0.7}})
    asked = asked_objectives(study, ["gsm", "piqa:acc"])
    found, signs = observations_of(study, asked, {"bits_per_byte": [bits], "acc": [accuracy]})
    assert [one.scores for one in found] == [{"gsm": 1.0, "piqa:acc": 0.7}]
    assert signs == {"gsm": 1.0, "piqa:acc": -1.0}
