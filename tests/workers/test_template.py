"""Templates: fields become text, a sandbox around them, and errors that name what there is."""

import time
from typing import Any

import pytest

from workers.files import DataError
from workers.template import FieldTemplate, RecordFilter

FIELD = "sources.chat.prompt"
RECORD: dict[str, Any] = {
    "question": "What is 1 + 1?",
    "choices": ["1", "2"],
    "gold": 1,
    "input": None,
    "answer": True,
}


def render(text: str, record: dict[str, Any] | None = None) -> str:
    return FieldTemplate(text, FIELD).render(RECORD if record is None else record, "line 7")


def refusal(text: str) -> str:
    with pytest.raises(DataError) as caught:
        render(text)
    assert (caught.value.field, caught.value.value) == (FIELD, text)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ question }}", "What is 1 + 1?"),
        ("{{ choices[gold] }}", "2"),
        ("{{ choices | join(', ') }}!", "1, 2!"),
        ("{{ question[:4] }}{% if input %}\n{{ input }}{% endif %}", "What"),
        ("{{ 'yes' if answer else 'no' }}", "yes"),
        ("{{ question.split(' ')[-1] }}", "1?"),
        ("{% for one in choices %}{{ one }};{% endfor %}", "1;2;"),
        ("{{ '-' * 5 }}{{ 3 * 4 }}{{ 2 ** 10 }}", "-----121024"),
        ("{{ 'ABC'.index('C') }}", "2"),
        ("no field at all", "no field at all"),
        # A page's signs are text here.
        ("{{ '<b>&' }}", "<b>&"),
    ],
)
def test_fields_become_text(text: str, rendered: str) -> None:
    assert render(text) == rendered


def test_null_is_no_text() -> None:
    assert render("{{ input }}") == ""
    assert render("{{ question }} {{ input }}") == "What is 1 + 1? "
    assert render("{{ answer }} {{ gold }}", {"answer": False, "gold": 0}) == "False 0"


def test_a_trailing_newline_of_the_record_stays() -> None:
    assert render("{{ text }}", {"text": "def f():\n    pass\n"}) == "def f():\n    pass\n"


@pytest.mark.parametrize(
    "text", ["{{ question", "{% if %}", "{{ question | no_filter }}", "{% x %}"]
)
def test_a_template_that_is_none_is_refused_when_it_is_made(text: str) -> None:
    with pytest.raises(DataError, match="not a Jinja template") as caught:
        FieldTemplate(text, FIELD)
    assert caught.value.field == FIELD


def test_a_missing_field_is_named_with_those_that_are_there() -> None:
    message = refusal("{{ reply }}")
    assert "line 7" in message
    assert "'reply' is undefined" in message
    assert "['answer', 'choices', 'gold', 'input', 'question']" in message


@pytest.mark.parametrize(
    "text",
    [
        "{{ question.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ question | attr('__class__') }}",
        "{{ '{0.__class__}'.format(question) }}",
        "{{ '{0.__class__}'.format_map({0: question}) }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ question['__class__'].__mro__ }}",
        "{{ (question | attr('upper')).__self__ }}",
        "{% set x = choices.append('3') %}",
        "{{ choices.pop() }}",
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as x %}",
        "{% extends '/etc/passwd' %}",
        "{{ range.__self__ }}",
        "{{ ().__class__.__base__ }}",
    ],
)
def test_the_sandbox_holds(text: str) -> None:
    assert "line 7" in refusal(text)
    assert RECORD["choices"] == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ 1 / 0 }}",
        "{{ '{}'.format() }}",
        "{{ question.index('zebra') }}",
        "{{ question | map('no_filter') | list }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ gold + question }}",
    ],
)
def test_whatever_an_expression_raises_is_the_templates_fault(text: str) -> None:
    assert "line 7: " in refusal(text)


def test_a_template_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(DataError, match="nested too deeply"):
        FieldTemplate("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", FIELD)
    with pytest.raises(DataError, match="nested too deeply"):
        RecordFilter("(" * 5000 + "1" + ")" * 5000, FIELD)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' * 10 ** 12 }}",
        "{{ 10 ** 12 * 'a' }}",
        "{{ [0] * 10 ** 12 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ (10 ** 99) ** 99 }}",
        "{% for i in range(99999) %}{{ question * 1000 }}{% endfor %}",
        "{{ range(10 ** 9) | list }}",
    ],
)
def test_little_cannot_be_made_into_much(text: str) -> None:
    started = time.monotonic()
    assert "line 7: " in refusal(text)
    assert time.monotonic() - started < 5


def test_a_filter_is_in_the_same_sandbox() -> None:
    assert RecordFilter("input is none and gold == 1", FIELD).keeps(RECORD, "line 7")
    assert not RecordFilter("input", FIELD).keeps(RECORD, "line 7")
    for text in ("question.__class__.__mro__", "choices.pop()", "1 / 0", "'a' * 10 ** 12", "reply"):
        with pytest.raises(DataError, match="line 7: ") as caught:
            RecordFilter(text, FIELD).keeps(RECORD, "line 7")
        assert caught.value.value == text
