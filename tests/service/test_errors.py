"""What is wrong with input: every bad value found by its field, and shown in brief."""

import json
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from mixtures.study import StudySpec
from service.errors import (
    FieldError,
    field_errors,
    problem_response,
    sentence,
)
from tests.mixtures.share_study import make_study


def errors_of(data: Any) -> list[FieldError]:
    """What is said of a body that is no study."""
    try:
        StudySpec.model_validate(data)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        return field_errors(RequestValidationError(found))
    raise AssertionError("it is a study")


def changed(**changes: Any) -> dict[str, Any]:
    return {**make_study().model_dump(mode="json"), **changes}


def error_of(**changes: Any) -> FieldError:
    return errors_of(changed(**changes))[0]


def test_a_field_is_named_with_its_place_its_value_and_what_would_be_right() -> None:
    error = error_of(space={"sft_share": [0.1, 1.2]})
    assert error == FieldError(
        pointer="/space/sft_share/1",
        field="space.sft_share.1",
        value=1.2,
        message="Input should be less than or equal to 1",
    )
    assert sentence([error]) == "space.sft_share.1 = 1.2: Input should be less than or equal to 1"
    assert sentence([error, error, error]).endswith("(and 2 more)")


def test_a_rule_over_several_fields_names_the_one_that_breaks_it() -> None:
    error = error_of(sft_shares={"chat": 0.5, "proofs": 0.25})
    assert error.field == "sft_shares"
    assert "sum to 0.75, expected 1" in error.message


def test_a_word_that_says_which_kind_an_object_is_is_blamed_itself() -> None:
    claim = {"kind": "beats", "words": "It's better"}
    error = error_of(claims=[claim])
    assert (error.field, error.value) == ("claims.0.kind", "beats")
    assert error.message.startswith("expected one of 'best_share_in', 'best_share_is'")


def test_an_object_in_a_sentence_is_not_quoted_as_text() -> None:
    (error,) = errors_of(changed(seed=[0, 1]))
    assert sentence([error]).startswith("seed = [0, 1]: there is no such field")
    template = error.model_copy(update={"value": "{{ answer }}"})
    assert sentence([template]).startswith("seed = '{{ answer }}': ")


@pytest.mark.parametrize("name", ["body", "query", "path"])
def test_a_field_of_the_users_may_be_called_like_a_part_of_a_request(name: str) -> None:
    assert error_of(**{name: 1}).field == name
    assert error_of(baselines={name: 7}).field == f"baselines.{name}"


def test_pointers_are_escaped_as_rfc_6901_asks() -> None:
    assert error_of(**{"a/b~c": 1}).pointer == "/a~1b~0c"


def test_the_whole_body_has_a_name() -> None:
    assert errors_of([1])[0].field == "(body)"
    assert errors_of([1])[0].pointer == "/"
    assert sentence(errors_of(None)) == "(body): is empty; expected an object of named fields"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 300, "x" * 200 + "…"),
        (float("inf"), "inf"),
        (2**64, "an integer of 65 bits"),
        (True, True),
        ("half \ud800 a pair", "half \\ud800 a pair"),
        ({"a": "\udfff"}, "{'a': '\\udfff'}"),
    ],
)
def test_a_value_is_shown_as_it_may_stand_in_json(value: Any, shown: Any) -> None:
    error = error_of(seeds=value)
    assert error.value == shown
    json.dumps(error.model_dump(), allow_nan=False, ensure_ascii=False).encode()


def test_an_integer_that_python_does_not_write_out_is_shown_by_its_size() -> None:
    huge = 16**5000
    assert error_of(seeds=huge).value == "an integer of 20001 bits"
    assert error_of(seeds={"a": [huge]}).value == "{'a': [an integer of 20001 bits]}"


def test_a_value_that_stands_for_much_is_shown_in_brief() -> None:
    value: Any = "x" * 1000
    for _ in range(60):
        value = [value] * 10
    error = error_of(seeds=value)
    assert len(error.value) <= 201


def test_half_a_surrogate_pair_in_a_name_can_be_answered() -> None:
    for changes in ({"\ud800": 1}, {"name": "\ud800"}, {"pretrain_shares": {"\ud800": 1}}):
        error = error_of(**changes)
        response = problem_response(422, sentence([error]), [error])
        assert "\\\\ud800" in bytes(response.body).decode()
