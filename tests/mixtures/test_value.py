"""Values: one canonical text and one hash for equal values, and nothing that is not a number."""

import hashlib
import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from mixtures.phases import Optimiser
from mixtures.study import StudySpec
from mixtures.value import Name, Seed, Share, Value, canonical_json, hash_text
from tests.mixtures.share_study import make_study


class Point(Value):
    x: float
    y: float = 0.0
    names: dict[str, float] = Field(default={})


def test_the_canonical_text_by_hand() -> None:
    point = Point(x=1, names={"b": 0.5, "a": 2})
    assert point.canonical() == '{"names":{"a":2.0,"b":0.5},"x":1.0,"y":0.0}'


def test_the_hash_is_the_head_of_sha256_over_utf8() -> None:
    assert hash_text("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()[:16]
    assert (
        Point(x=1).content_hash(64) == hashlib.sha256(Point(x=1).canonical().encode()).hexdigest()
    )


def test_the_order_of_fields_does_not_change_the_hash() -> None:
    fields: dict[str, Any] = {"x": 0.25, "y": 3, "names": {"q": 1.0, "p": 2.0}}
    hashes = {
        Point.model_validate(dict(order)).content_hash()
        for order in itertools.permutations(fields.items())
    }
    assert len(hashes) == 1
    turned = {**fields, "names": dict(reversed(fields["names"].items()))}
    assert Point.model_validate(turned).content_hash() in hashes


def test_a_whole_study_is_one_thing_in_either_order_of_its_fields() -> None:
    study = make_study()
    fields = study.model_dump(mode="json")
    turned = {name: fields[name] for name in reversed(fields)}
    assert StudySpec.model_validate(turned).content_hash() == study.content_hash()


def test_zero_has_one_sign() -> None:
    assert Point(x=-0.0, names={"a": -0.0}) == Point(x=0.0, names={"a": 0.0})
    assert Point(x=-0.0, names={"a": -0.0}).canonical() == Point(x=0, names={"a": 0}).canonical()
    # What is small is not nothing.
    assert Point(x=-5e-324).canonical() != Point(x=0).canonical()


@given(
    x=st.floats(allow_nan=False, allow_infinity=False),
    names=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_the_canonical_text_reads_back_to_an_equal_value(x: float, names: dict[str, float]) -> None:
    point = Point(x=x, names=names)
    again = Point.model_validate_json(point.canonical())
    assert again == point
    assert again.content_hash() == point.content_hash()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_everywhere(number: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Point(x=number)
    with pytest.raises(ValidationError, match="finite number"):
        Point(x=0, names={"a": number})
    with pytest.raises(ValidationError, match="finite number"):
        Optimiser(peak_lr=number)
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"deep": [1, {"in": number}]})


def test_a_value_cannot_be_changed_and_takes_no_unknown_field() -> None:
    point = Point(x=1)
    with pytest.raises(ValidationError, match="frozen"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="colour"):
        Point.model_validate({"x": 1, "colour": "red"})


@pytest.mark.parametrize("name", ["a", "0", "gsm8k_train", "a.b-c_d", "x" * 64])
def test_a_plain_name_is_taken(name: str) -> None:
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", ".", "..", ".hidden", "-x", "a/b", "a b", "a\n", "ä", "x" * 65]
)
def test_a_name_that_could_be_a_path_or_a_column_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)


@pytest.mark.parametrize("share", [-1e-9, 1.0000001, math.nan])
def test_a_share_lies_between_0_and_1(share: float) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Share).validate_python(share)


@pytest.mark.parametrize("seed", [-1, 2**31, 10**30, 0.5])
def test_a_seed_that_the_table_cannot_hold_is_refused(seed: float) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Seed).validate_python(seed)
    assert TypeAdapter(Seed).validate_python(2**31 - 1) == 2**31 - 1
