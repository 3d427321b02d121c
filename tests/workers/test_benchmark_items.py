"""Items out of files: answers, choices and what is said where a record does not fit."""

from pathlib import Path
from typing import Any

import pytest

from mixtures.benchmark import Benchmark
from tests.workers.tiny_study import tiny_config, write_lines
from workers.benchmark_items import BenchmarkItem, benchmark_items, items_hash
from workers.files import DataError
from workers.sources import Item, content_hash


def picks(**changes: Any) -> Benchmark:
    spec = {
        "name": "picks",
        "files": ["a.jsonl"],
        "prompt": "{{ q }}",
        "choices": "{{ options }}",
        "gold": "{{ right }}",
        **changes,
    }
    return Benchmark.model_validate(spec)


def items_of(root: Path, benchmark: Benchmark, *records: dict[str, Any]) -> list[BenchmarkItem]:
    write_lines(root / "a.jsonl", list(records))
    return benchmark_items(benchmark, tiny_config(root, root))


def test_choices_and_gold_come_from_expressions(tmp_path: Path) -> None:
    letters = picks(choices="{{ [a, b] + more }}", gold="{{ 'ABC'.index(key) }}")
    record = {"q": "Sky?", "a": "red", "b": "blue", "more": ["grey"], "key": "B"}
    assert items_of(tmp_path, letters, record) == [
        BenchmarkItem("Sky?", "blue", ("red", "blue", "grey"), 1)
    ]


def test_the_stratum_is_a_template_and_no_part_of_the_content(tmp_path: Path) -> None:
    record = {"q": "Sky?", "options": ["red", "blue"], "right": 1, "subject": "nature"}
    item = items_of(tmp_path, picks(stratum="{{ subject }}"), record)[0]
    assert item.stratum == "nature"
    assert items_hash([item]) == items_hash([item._replace(stratum="")])


def test_an_index_may_be_written_as_text(tmp_path: Path) -> None:
    record = {"q": "Sky?", "options": ["red", "blue"], "right": "1"}
    assert items_of(tmp_path, picks(), record)[0].answer == "blue"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"q": "x", "options": ["a", "b"], "right": 2}, ["picks.gold", "line 1", "0 to 1"]),
        ({"q": "x", "options": ["a", "b"], "right": -1}, ["gives -1"]),
        ({"q": "x", "options": ["a", "b"], "right": True}, ["gives True"]),
        ({"q": "x", "options": ["a", "b"], "right": "B"}, ["'ABCD'.index(answer)"]),
        ({"q": "x", "options": ["a", "b"]}, ["right", "the fields there are ['options', 'q']"]),
        ({"q": "x", "options": ["a"], "right": 0}, ["picks.choices", "two texts or more"]),
        ({"q": "x", "options": ["a", " "], "right": 0}, ["none empty"]),
        ({"q": "x", "options": "ab", "right": 0}, ["expected a list"]),
        ({"q": "x", "options": [1, 2], "right": 0}, ["expected a list of two texts"]),
    ],
)
def test_a_record_without_choices_or_gold_is_named(
    tmp_path: Path, record: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        items_of(tmp_path, picks(), record)
    for word in words:
        assert word in str(caught.value)


def test_a_template_of_choices_is_one_expression(tmp_path: Path) -> None:
    record = {"q": "x", "options": ["a", "b"], "right": 0}
    for text in ("options", "{{ options }} ", "{{ options"):
        benchmark = picks(choices=text)
        if text.endswith("}} "):
            assert len(items_of(tmp_path, benchmark, record)) == 1
            continue
        with pytest.raises(DataError, match="one expression in braces"):
            items_of(tmp_path, benchmark, record)


def test_an_item_without_an_answer_is_named(tmp_path: Path) -> None:
    plain = Benchmark(name="plain", files=("a.jsonl",), prompt="{{ q }}", answer="{{ a }}")
    with pytest.raises(DataError, match="line 2 has no answer"):
        items_of(tmp_path, plain, {"q": "x", "a": "y"}, {"q": "x", "a": " "})


def test_items_without_choices_hash_as_they_did_before_there_were_any() -> None:
    plain = [BenchmarkItem("a", "b"), BenchmarkItem("c", "d")]
    assert items_hash(plain) == content_hash([Item("a", "b"), Item("c", "d")])


def test_the_right_choice_is_part_of_the_content() -> None:
    one = BenchmarkItem("q", "x", ("x", "x"), 0)
    assert items_hash([one]) != items_hash([one._replace(gold=1)])
    assert items_hash([one]) != items_hash([one._replace(choices=("x", "y"))])


@pytest.mark.parametrize(
    "templates",
    [
        {"answer": "{{ a }}"},
        {"gold": None},
        {"choices": None},
        {"prompt": None},
    ],
)
def test_a_benchmark_has_an_answer_or_choices_and_not_both(templates: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either answer or both choices and gold"):
        picks(**templates)
