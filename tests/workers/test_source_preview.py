"""A first look at a file: templates by its fields, items and tokens."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from mixtures.source import Source
from workers.config import WorkerConfig
from workers.files import DataError
from workers.source_preview import guess_templates, preview_file, preview_source


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    (tmp_path / "data").mkdir()
    return WorkerConfig(home=tmp_path / "home", data_roots=(tmp_path / "data",))


@pytest.mark.parametrize(
    ("record", "templates"),
    [
        ({"text": "a", "title": "b"}, {"text": "{{ text }}"}),
        ({"title": "b", "abstract": "much longer"}, {"text": "{{ abstract }}"}),
        (
            {"question": "a", "answer": "b", "extra": 1},
            {"prompt": "{{ question }}", "response": "{{ answer }}"},
        ),
        (
            {"prompt": "a", "completion": "b", "task": "c", "template": "d"},
            {"prompt": "{{ prompt }}", "response": "{{ completion }}"},
        ),
        # An answer of yes or no is one too.
        (
            {"question": "a", "answer": True},
            {"prompt": "{{ question }}", "response": "{{ answer }}"},
        ),
        (
            {"instruction": "a", "input": "", "response": "b"},
            {
                "prompt": "{{ instruction }}{% if input %}\n{{ input }}{% endif %}",
                "response": "{{ response }}",
            },
        ),
        (
            {"instruction": "a", "instances": [{"input": "", "output": "b"}]},
            {
                "prompt": "{{ instruction }}{% if instances[0].input %}\n"
                "{{ instances[0].input }}{% endif %}",
                "response": "{{ instances[0].output }}",
            },
        ),
        # Not the letter: no question says what it stands for.
        (
            {"question": "a", "choices": ["b", "c", "d"], "answerKey": "C", "explanation": "e"},
            {
                "prompt": "{{ question }}",
                "response": "{{ choices['ABCDEFGH'.index(answerKey)] }}",
            },
        ),
        (
            {"query": "a", "choices": ["no", "yes"], "gold": 1},
            {"prompt": "{{ query }}", "response": "{{ choices[gold] }}"},
        ),
        (
            {"question": "a", "options": ["no", "yes"], "answer": "yes"},
            {"prompt": "{{ question }}", "response": "{{ answer }}"},
        ),
        (
            {"task": "sums", "input": "1 + 1", "target": "2"},
            {"prompt": "{{ input }}", "response": "{{ target }}"},
        ),
        (
            {"prompt": "def f():", "canonical_solution": "return 1", "test": "a longer text"},
            {"prompt": "{{ prompt }}", "response": "{{ canonical_solution }}"},
        ),
        (
            {
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "b"},
                ]
            },
            {"prompt": "{{ messages[1].content }}", "response": "{{ messages[2].content }}"},
        ),
        (
            {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
            {
                "prompt": "{{ conversations[0].value }}",
                "response": "{{ conversations[1].value }}",
            },
        ),
    ],
)
def test_templates_are_guessed_from_the_fields(
    record: dict[str, Any], templates: dict[str, str]
) -> None:
    kind, found = guess_templates(record)
    assert found == templates
    assert kind == ("pretrain" if "text" in templates else "sft")


def test_a_record_without_text_is_refused() -> None:
    with pytest.raises(DataError, match=r"no field holds text; the fields are \['a', 'b'\]"):
        guess_templates({"a": 1, "b": None})


def test_a_preview_renders_three_items_and_counts_tokens(config: WorkerConfig) -> None:
    rows = [{"question": f"What is {i} + {i}?", "answer": f"It is {2 * i}."} for i in range(200)]
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (config.data_roots[0] / "My sums.v2.jsonl.gz").write_bytes(gzip.compress(raw))
    found = preview_source("My sums.v2.jsonl.gz", config)
    assert found.fields == {"question": "text", "answer": "text"}
    assert found.num_documents == 200
    texts = [f"Question: {row['question']}\nAnswer: {row['answer']}" for row in rows]
    assert found.num_bytes == sum(map(len, texts))
    assert [item.text for item in found.items] == texts[:3]
    assert found.num_tokens == pytest.approx(found.num_bytes / found.bytes_per_token, rel=1e-3)
    assert 0.9 < found.bytes_per_token < 10
    # What is to be pasted is a source as a study takes it.
    assert Source.model_validate(found.source).name == "my_sums"
    assert preview_file(config.data_roots[0] / "My sums.v2.jsonl.gz", config) == found


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "is empty"),
        ('{"text": "a"}\n{"text": "b"\n', "line 2 is not JSON"),
        ('{"text": "a"}\n{"other": "b"}\n', "the fields there are"),
    ],
)
def test_what_cannot_be_previewed_says_why(config: WorkerConfig, raw: str, words: str) -> None:
    (config.data_roots[0] / "x.jsonl").write_text(raw)
    with pytest.raises(DataError, match=words):
        preview_source("x.jsonl", config)


def test_a_file_too_small_for_a_tokenizer_is_counted_in_bytes(config: WorkerConfig) -> None:
    (config.data_roots[0] / "x.txt").write_text("five.\nseven..\n")
    found = preview_source("x.txt", config)
    # Each byte is a token, and each document has an end token.
    assert [item.num_tokens for item in found.items] == [6, 8]
    assert found.vocab_size == 259
