"""Bodies: JSON and YAML are one object, and what neither can be is refused with its place."""

import asyncio
import datetime
import time
from typing import Any

import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError

from mixtures.trial import TrialRequest
from service.body import OneOrMany, parse_json, parse_yaml, read_body, read_one_or_many
from service.errors import BadInput


def request(raw: bytes, content_type: str = "application/json") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def read(raw: bytes, content_type: str = "application/json") -> TrialRequest:
    return asyncio.run(read_body(request(raw, content_type), TrialRequest))


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b'{"sft_share": 0.5, "seed": 3}', "application/json"),
        (b'{"sft_share": 0.5, "seed": 3}', ""),
        (b"sft_share: 0.5\nseed: 3\n", "application/yaml"),
        (b"sft_share: 0.5\nseed: 3\n", "text/x-yaml; charset=utf-8"),
        # JSON is YAML.
        (b'{"sft_share": 0.5, "seed": 3}', "application/yaml"),
    ],
)
def test_json_and_yaml_are_the_same_object(raw: bytes, content_type: str) -> None:
    assert read(raw, content_type) == TrialRequest(sft_share=0.5, seed=3)


def test_one_or_many_are_a_list_and_errors_name_the_place() -> None:
    def many(raw: bytes) -> OneOrMany[TrialRequest]:
        return asyncio.run(read_one_or_many(request(raw), TrialRequest))

    half = TrialRequest(sft_share=0.5)
    assert many(b'{"sft_share": 0.5}') == OneOrMany(False, (half,))
    assert many(b'[{"sft_share": 0.5}]') == OneOrMany(True, (half,))
    assert many(b"[]") == OneOrMany(True, ())
    good, bad = many(b'[{"sft_share": 0.5}, {"sft_share": 2}]').items
    assert good == half
    assert isinstance(bad, RequestValidationError)
    assert bad.errors()[0]["loc"] == ("body", 1, "sft_share")


def test_what_does_not_fit_the_model_is_named_by_its_field() -> None:
    with pytest.raises(RequestValidationError) as caught:
        read(b'{"sft_share": 0.5, "seed": "x"}')
    assert caught.value.errors()[0]["loc"] == ("body", "seed")


def test_text_of_another_encoding_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        read('{"a": "ä"}'.encode("latin-1"))
    assert caught.value.message == "not UTF-8 at byte 7; save it so"


NO_JSON = [
    ("", "not JSON: Expecting value at line 1 column 1"),
    ('{"a": 1,\n "b" 2}', "not JSON: Expecting ':' delimiter at line 2 column 6"),
    ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
    ("[" * 100_000, "not JSON that can be read: it is nested too deeply"),
    ('{"a": ' + "1" * 5000 + "}", "not JSON that can be read: Exceeds the limit"),
]
NO_YAML = [
    ("name: [a\nb: 1", "not YAML: while parsing a flow sequence"),
    ("a: 1\na b\n", "line 3, column 1"),
    ("a: !!python/object:os.system x", "could not determine a constructor for the tag"),
    ("a: 1\n---\nb: 2", "expected a single document"),
    ("? [a]\n: 1", "found unhashable key"),
    ("[" * 5000, "not YAML that can be read: it is nested too deeply"),
    ("a: " + "1" * 5000, "not YAML that can be read: Exceeds the limit"),
    ("a: 2024-05-32", "not YAML that can be read: day is out of range"),
    ("a: &a [*a]", "its aliases stand for more than"),
]


@pytest.mark.parametrize(("text", "words"), NO_JSON)
def test_what_is_no_json_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_json(text)
    assert caught.value.field == "(body)"
    assert words in caught.value.message


@pytest.mark.parametrize(("text", "words"), NO_YAML)
def test_what_is_no_yaml_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_yaml(text)
    assert caught.value.field == "(body)"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("NaN", "(body)", "NaN"),
        ('{"decay": {"min_lr_ratio": NaN}}', "decay.min_lr_ratio", "NaN"),
        ('{"seeds": [0, Infinity]}', "seeds.1", "Infinity"),
        ('{"a": [{"b": -Infinity}]}', "a.0.b", "-Infinity"),
        # Too large for a number: Python makes it infinite without a word.
        ('{"a": 1e999}', "a", "Infinity"),
    ],
)
def test_a_number_that_is_none_is_refused_by_its_field(text: str, field: str, value: str) -> None:
    as_yaml = text.replace("NaN", ".nan").replace("Infinity", ".inf").replace("1e999", ".inf")
    for parse, given in ((parse_json, text), (parse_yaml, as_yaml)):
        with pytest.raises(BadInput) as caught:
            parse(given)
        assert (caught.value.field, caught.value.value) == (field, value)
        assert "give a finite one" in caught.value.message


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('"\\ud800"', "(body)"),
        ('{"question": "a \\udfff b"}', "question"),
        ('{"a": [{"b": "\\ud83d"}]}', "a.0.b"),
        ('{"\\ud800": 1}', "\ud800"),
    ],
)
def test_half_a_surrogate_pair_is_refused_by_its_field(text: str, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_json(text)
    assert caught.value.field == field
    assert "write both halves" in caught.value.message
    assert parse_json('{"question": "\\ud83d\\ude00"}') == {"question": "😀"}


def test_yaml_keeps_its_own_types() -> None:
    assert parse_yaml("") is None
    assert parse_yaml("a: 1_000\nb: 1e3\nc: 1.0e+3\nd: [yes, null, 2024-05-03]") == {
        "a": 1000,
        "b": "1e3",  # YAML 1.1 wants a point and a sign
        "c": 1000.0,
        "d": [True, None, datetime.date(2024, 5, 3)],
    }


def test_anchors_and_merges_may_be_used() -> None:
    text = "base: &b {kind: sft, licence: MIT}\nsources:\n- {<<: *b, name: a}\n- {<<: *b, name: c}"
    assert parse_yaml(text)["sources"] == [
        {"kind": "sft", "licence": "MIT", "name": "a"},
        {"kind": "sft", "licence": "MIT", "name": "c"},
    ]


@pytest.mark.parametrize(
    ("text", "field", "lines"),
    [
        ("seeds: [0]\nname: a\nseeds: [1]\n", "seeds", "line 1 and line 3"),
        ("decay: {tokens: 1, tokens: 2}", "decay.tokens", "line 1 and line 1"),
        ("sources:\n- name: a\n- name: b\n  'name': c\n", "sources.1.name", "line 3 and line 4"),
        ("a: &b {c: 1}\nd: {<<: *b, <<: *b}", "d.<<", "line 2 and line 2"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_with_its_lines(
    text: str, field: str, lines: str
) -> None:
    with pytest.raises(BadInput) as caught:
        parse_yaml(text)
    assert caught.value.field == field
    assert caught.value.message == f"given twice, in {lines}; keep one"


def test_json_has_each_key_once_as_well() -> None:
    with pytest.raises(BadInput, match="given twice in one object") as caught:
        parse_json('{"decay": {"tokens": 1, "form": "linear", "tokens": 2}}')
    assert (caught.value.field, caught.value.value) == ("tokens", 2)
    assert parse_json('{"a": {"b": 1}, "c": {"b": 1}}') == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_key_beside_a_merge_wins_and_is_no_duplicate() -> None:
    assert parse_yaml("a: &b {c: 1, d: 2}\ne: {<<: *b, c: 3}")["e"] == {"c": 3, "d": 2}


@pytest.mark.parametrize("merge", [False, True])
def test_aliases_that_multiply_are_refused_at_once(merge: bool) -> None:
    # Ten to the ninth values in nine lines.
    lines = ["a0: &a0 {k: v}" if merge else "a0: &a0 [v]"]
    for level in range(1, 10):
        again = ", ".join([f"*a{level - 1}"] * 10)
        value = f"{{<<: [{again}], k{level}: v}}" if merge else f"[{again}]"
        lines.append(f"a{level}: &a{level} {value}")
    started = time.monotonic()
    with pytest.raises(BadInput, match="aliases stand for more than 1000000 values"):
        parse_yaml("\n".join(lines))
    assert time.monotonic() - started < 5


def test_the_event_loop_goes_on_while_a_body_is_read() -> None:
    async def watch() -> tuple[int, OneOrMany[TrialRequest]]:
        slow = b"- {sft_share: 0.5}\n" * 1000
        reading = asyncio.ensure_future(
            read_one_or_many(request(slow, "application/yaml"), TrialRequest)
        )
        ticks = 0
        while not reading.done():
            await asyncio.sleep(0.005)
            ticks += 1
        return ticks, await reading

    ticks, found = asyncio.run(watch())
    assert len(found.items) == 1000
    assert ticks > 5
