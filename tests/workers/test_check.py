"""The check of a study's data: what it reports, and what it refuses before any training."""

import json
from pathlib import Path
from typing import Any

import pytest

from mixtures.recipe import Recipe
from tests.workers.tiny_study import tiny_study, write_data, write_lines
from workers.check import check_data
from workers.config import WorkerConfig
from workers.files import DataError
from workers.sources import content_hash, read_source


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


@pytest.fixture
def config(tmp_path: Path, root: Path) -> WorkerConfig:
    return WorkerConfig(home=tmp_path / "home", data_roots=(root,))


def recipe(**changes: Any) -> Recipe:
    return tiny_study(**changes).recipe


def refusal(config: WorkerConfig, **changes: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        check_data(recipe(**changes), config)
    # Nothing is built before everything is known to be usable.
    assert not config.home.exists()
    return caught.value


def test_the_report_counts_what_there_is(config: WorkerConfig) -> None:
    report = check_data(recipe(), config)
    text, sums = report.sources["text"], report.sources["sums"]
    # A twentieth of 200 documents is held out; SFT items are not.
    assert (text.num_documents, text.num_held_out) == (190, 10)
    assert (sums.num_documents, sums.num_held_out) == (150, 0)
    questions = [(f"What is {i} + {i + 1}?", str(2 * i + 1)) for i in range(150)]
    assert sums.num_bytes == sum(len(question) + len(answer) for question, answer in questions)
    assert report.benchmarks["test_sums"].model_dump() == {
        "num_items": 20,
        "num_contaminated": 0,
        "metrics": ("bits_per_byte",),
    }
    assert report.benchmarks["held_out"].num_items == 10


def test_bytes_are_bytes(config: WorkerConfig, root: Path) -> None:
    write_lines(root / "sums.jsonl", [{"question": "é" * 10, "answer": "日"}])
    assert check_data(recipe(), config).sources["sums"].num_bytes == 23


def test_the_hashes_pin_the_content_of_all_that_is_read(config: WorkerConfig, root: Path) -> None:
    before = check_data(recipe(), config).data_hashes
    assert set(before) == {"sources.text", "sources.sums", "benchmarks.test_sums"}
    source = recipe().sources[1]
    assert before["sources.sums"] == content_hash(list(read_source(source, config)))
    write_lines(root / "test_sums.jsonl", [{"question": f"{i}?", "answer": "x"} for i in range(9)])
    after = check_data(recipe(), config).data_hashes
    assert {name for name in before if before[name] != after[name]} == {"benchmarks.test_sums"}


def test_what_stands_in_a_benchmark_is_counted_on_both_sides(
    config: WorkerConfig, root: Path
) -> None:
    lines = (root / "sums.jsonl").read_text().splitlines()[:7]
    # Case and spacing do not hide them.
    copies = [json.loads(line.replace("What is", "what  IS")) for line in lines]
    fresh = [{"question": f"How many are {i} apples?", "answer": "x"} for i in range(5)]
    write_lines(root / "test_sums.jsonl", copies + fresh)
    report = check_data(recipe(), config)
    assert report.benchmarks["test_sums"].model_dump() == {
        "num_items": 12,
        "num_contaminated": 7,
        "metrics": ("bits_per_byte",),
    }
    assert report.sources["sums"].num_documents == 143
    assert report.sources["sums"].num_left_out == 7
    (pair,) = report.contamination
    assert (pair.source, pair.benchmark, pair.num_documents, pair.num_items) == (
        "sums",
        "test_sums",
        7,
        7,
    )


def test_one_document_cannot_be_trained_on_and_held_out(config: WorkerConfig, root: Path) -> None:
    write_lines(root / "text.jsonl", [{"text": "the only document " * 50}])
    error = refusal(config)
    assert (error.field, error.value) == ("benchmarks.held_out.held_out", "text")
    assert "expected at least two different ones" in error.message
    # It may be trained on, where no benchmark asks for its held-out text.
    study = tiny_study().model_dump(mode="json")
    alone = recipe(benchmarks=study["benchmarks"][:1])
    assert check_data(alone, config).sources["text"].num_documents == 1


def test_the_first_source_that_is_wrong_is_named(config: WorkerConfig, root: Path) -> None:
    (root / "sums.jsonl").write_text('{"question": "a", "answer": "b"}\n{oops\n')
    error = refusal(config)
    assert (error.field, error.value) == ("sources.sums.files", "sums.jsonl")
    assert "line 2" in error.message
