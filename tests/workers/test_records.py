"""Files of every format give the same records; what is wrong with one is named with its place."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from mixtures.source import Source
from mixtures.value import InvalidField
from workers.config import WorkerConfig
from workers.files import DataError
from workers.records import read_records
from workers.sources import Item, read_source

ROWS: list[dict[str, Any]] = [
    {"question": "What is 2 + 2?", "answer": "4"},
    {"question": "Line one,\nline two", "answer": "007"},
    {"question": "Größe, 大小?", "answer": 'NA, or "so"'},
]


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    (tmp_path / "data").mkdir()
    return WorkerConfig(home=tmp_path / "home", data_roots=(tmp_path / "data",))


def root(config: WorkerConfig) -> Path:
    return config.data_roots[0]


def sft(**fields: Any) -> Source:
    return Source.model_validate(
        {
            "name": "one",
            "kind": "sft",
            "prompt": "{{ question }}",
            "response": "{{ answer }}",
            **fields,
        }
    )


def text_source(**fields: Any) -> Source:
    return Source.model_validate(
        {"name": "one", "kind": "pretrain", "text": "{{ text }}", **fields}
    )


def as_json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [delimiter.join(rows[0])]
    lines += [delimiter.join(quoted(value) for value in row.values()) for row in rows]
    return "\r\n".join(lines).encode()


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("rows.jsonl", as_json_lines(ROWS)),
        ("rows.jsonl", b"\xef\xbb\xbf" + as_json_lines(ROWS)),
        ("rows.ndjson.gz", gzip.compress(as_json_lines(ROWS))),
        ("rows.jsonl.zst", zstandard.compress(as_json_lines(ROWS))),
        # Two frames one after the other are one file, as with gzip's members.
        (
            "rows.jsonl.zst",
            zstandard.compress(as_json_lines(ROWS[:1]))
            + zstandard.compress(as_json_lines(ROWS[1:])),
        ),
        ("rows.json", json.dumps(ROWS, indent=1).encode()),
        ("rows.json", as_json_lines(ROWS)),
        ("rows.csv", as_csv(ROWS)),
        ("rows.csv.gz", gzip.compress(as_csv(ROWS))),
        ("rows.tsv.zst", zstandard.compress(as_csv(ROWS, "\t"))),
    ],
)
def test_every_format_gives_the_same_items(config: WorkerConfig, name: str, raw: bytes) -> None:
    (root(config) / name).write_bytes(raw)
    assert list(read_source(sft(files=[name]), config)) == [Item(*row.values()) for row in ROWS]


def test_parquet_gives_the_same_items_and_leaves_nothing_but_under_the_home(
    config: WorkerConfig, tmp_path: Path
) -> None:
    write_parquet(root(config) / "rows.parquet", ROWS)
    code = (
        "from pathlib import Path; from workers.config import WorkerConfig\n"
        "from tests.workers.test_records import ROWS, sft; from workers.sources import *\n"
        "import socket; socket.getaddrinfo = None\n"
        f"config = WorkerConfig(home=Path({str(config.home)!r}),"
        f" data_roots=(Path({str(root(config))!r}),))\n"
        "source = sft(files=['rows.parquet'])\n"
        "first = list(read_source(source, config))\n"
        "assert first == list(read_source(source, config))\n"
        "assert first == [Item(*row.values()) for row in ROWS]\n"
    )
    user = tmp_path / "user"
    user.mkdir()
    environment = {**os.environ, "HOME": str(user)}
    for name in ("HF_HOME", "HF_DATASETS_CACHE", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
    assert list(user.iterdir()) == []


def test_a_parquet_file_that_was_replaced_is_read_anew(config: WorkerConfig) -> None:
    path = root(config) / "rows.parquet"
    write_parquet(path, ROWS[:1])
    before = path.stat()
    assert len(list(read_source(sft(files=["rows.parquet"]), config))) == 1
    write_parquet(path, ROWS)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(list(read_source(sft(files=["rows.parquet"]), config))) == 3


def test_a_glob_reads_its_files_by_name(config: WorkerConfig) -> None:
    for name, row in (("b.jsonl", ROWS[1]), ("a.jsonl", ROWS[0])):
        (root(config) / name).write_bytes(as_json_lines([row]))
    items = list(read_source(sft(files=["*.jsonl"]), config))
    assert [item.answer for item in items] == ["4", "007"]
    with pytest.raises(DataError, match="no file matches"):
        list(read_source(sft(files=["c*.jsonl"]), config))


@pytest.mark.parametrize(
    ("unit", "texts"),
    [
        ("line", ["One.", "  Two.", "Three."]),
        ("paragraph", ["One.\n  Two.", "Three."]),
        ("document", ["One.\n  Two.\n\n\nThree."]),
    ],
)
def test_a_text_file_is_lines_paragraphs_or_one_document(
    config: WorkerConfig, unit: str, texts: list[str]
) -> None:
    (root(config) / "book.txt.gz").write_bytes(gzip.compress(b"One.\n  Two.\n\n\nThree.\n"))
    items = list(read_source(text_source(files=["book.txt.gz"], text_unit=unit), config))
    assert [item.answer for item in items] == texts


def test_a_saved_data_set_is_read_by_split(config: WorkerConfig) -> None:
    from datasets import Dataset, DatasetDict

    parts = {"train": Dataset.from_list(ROWS), "test": Dataset.from_list(ROWS[:1])}
    DatasetDict(parts).save_to_disk(root(config) / "both")
    parts["train"].save_to_disk(root(config) / "one")
    assert len(list(read_source(sft(saved="both", split="test"), config))) == 1
    assert len(list(read_source(sft(saved="one"), config))) == 3
    with pytest.raises(DataError, match=r"give one of its splits: \['test', 'train'\]") as caught:
        list(read_source(sft(saved="both"), config))
    assert caught.value.field == "sources.one.split"
    with pytest.raises(DataError, match="not a data set saved to disk"):
        (root(config) / "empty").mkdir()
        list(read_source(sft(saved="empty"), config))


def test_a_hub_name_without_a_network_says_what_to_do(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route to huggingface.co")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(DataError, match=r"no route to huggingface.co.*save_to_disk") as caught:
        list(read_source(sft(hub={"path": "owner/name"}), config))
    assert caught.value.field == "sources.one.hub"
    assert not list((config.home / "hub").glob("*/saved"))


def test_a_hub_data_set_is_fetched_once_and_kept_under_the_home(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    calls = []

    def load(path: str, config_name: str | None, **options: Any) -> Any:
        calls.append((path, config_name, options["split"], options["cache_dir"]))
        return datasets.Dataset.from_list(ROWS)

    monkeypatch.setattr(datasets, "load_dataset", load)
    source = sft(hub={"path": "owner/name", "config": "main"}, split="train")
    assert len(list(read_source(source, config))) == len(list(read_source(source, config))) == 3
    assert [call[:3] for call in calls] == [("owner/name", "main", "train")]
    assert calls[0][3].startswith(str(config.home))


def test_a_filter_keeps_what_it_is_true_of(config: WorkerConfig) -> None:
    rows = [{**row, "split": split} for row, split in zip(ROWS, ("a", "b", "a"), strict=True)]
    (root(config) / "rows.jsonl").write_bytes(as_json_lines(rows))
    source = sft(files=["rows.jsonl"], filter="split == 'a' and question | length < 13")
    assert [item.answer for item in list(read_source(source, config))] == ['NA, or "so"']


def test_nested_and_list_valued_fields_become_text(config: WorkerConfig) -> None:
    row = {"task": "Add.", "instances": [{"input": "1, 2", "output": "3"}], "tags": ["a", "b"]}
    (root(config) / "rows.jsonl").write_bytes(as_json_lines([row]))
    source = sft(
        files=["rows.jsonl"],
        prompt="{{ task }} {{ instances[0].input }} ({{ tags | join(', ') }})",
        response="{{ instances[0].output }}",
    )
    assert list(read_source(source, config)) == [Item("Add. 1, 2 (a, b)", "3")]


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("x.jsonl", b'{"question": "a", "answer": "b"}\n\n{"question": \n', "line 3 is not JSON"),
        ("x.jsonl", b'{"a": ' + b"[" * 100_000 + b"\n", "line 1 is not JSON that can be read"),
        ("x.jsonl", b'[1, 2]\n{"a": 1}\n', "line 1 is list, expected a JSON object"),
        ("x.jsonl", b'{"a": 1}\n\xff\xfe\n', "line 2 is not UTF-8"),
        ("x.json", b'[{"a": 1},\n {"b" 2}]', "line 2 is not JSON"),
        ("x.json", b"[{}, 3]", "item 2 is int"),
        ("x.csv", b"question,answer\n1,2\n1,2,3\n", "line 3 has 3 values, expected 2"),
        ("x.csv", b"question,answer\n1,2\n1\n", "line 3 has 1 values, expected 2"),
        ("x.csv", b'question,answer\n1,"2\n', "line 2 is not CSV"),
        ("x.csv", b"a,a\n1,2\n", "line 1 names the columns"),
        ("x.jsonl.gz", gzip.compress(as_json_lines(ROWS))[:-12], "unreadable after line"),
        ("x.jsonl.zst", zstandard.compress(as_json_lines(ROWS * 9))[:-5], "cut short"),
        ("x.jsonl.zst", b"plain", "not zstandard data"),
        ("x.parquet", b"PAR1 and no more", "unreadable after row 0"),
    ],
)
def test_a_broken_file_is_named_with_the_place(
    config: WorkerConfig, name: str, raw: bytes, words: str
) -> None:
    (root(config) / name).write_bytes(raw)
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        list(read_records(root(config) / name, name, "sources.one.files", config.home))
    assert (caught.value.field, caught.value.value) == ("sources.one.files", name)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"prompt": "{{ qestion }}"}, "prompt", "the fields there are ['answer', 'question']"),
        ({"prompt": "{{ question"}, "prompt", "not a Jinja template"),
        ({"prompt": "{{ question.__class__ }}"}, "prompt", "rows.jsonl, line 1"),
        ({"prompt": "{{ 1 // 0 }}"}, "prompt", "rows.jsonl, line 1"),
        ({"prompt": "{{ '\\ud800' }}"}, "prompt", "surrogates not allowed"),
        ({"filter": "split == 'a'"}, "filter", "'split' is undefined; the fields there are"),
        ({"filter": "split =="}, "filter", "not a Jinja expression"),
    ],
)
def test_a_template_or_filter_that_does_not_fit_names_place_and_fields(
    config: WorkerConfig, fields: dict[str, str], field: str, words: str
) -> None:
    (root(config) / "rows.jsonl").write_bytes(as_json_lines(ROWS))
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        list(read_source(sft(files=["rows.jsonl"], **fields), config))
    assert caught.value.field == f"sources.one.{field}"


@pytest.mark.parametrize("name", ["../x.jsonl", "/etc/x.jsonl", "../*.jsonl", "a/../../*.jsonl"])
def test_no_name_leads_out_of_the_data_roots(config: WorkerConfig, name: str) -> None:
    with pytest.raises(DataError, match="relative to a data root"):
        list(read_source(sft(files=[name]), config))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "gives none of files"),
        ({"files": ["a.jsonl"], "saved": "b"}, "give exactly one"),
        ({"files": ["a.jsonl"], "split": "train"}, "belongs to saved or hub"),
        ({"saved": "b", "text_unit": "document"}, "belongs to files"),
    ],
)
def test_a_source_refuses_fields_that_do_not_go_together(
    fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        sft(**fields)


def test_a_new_field_at_its_default_leaves_the_identity_of_an_old_source() -> None:
    assert '"filter"' not in sft(files=["a.jsonl"]).canonical()
    assert '"filter"' in sft(files=["a.jsonl"], filter="answer").canonical()
    assert issubclass(InvalidField, ValueError)
