"""`source preview` and `study check` on the command line, with no controller."""

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from service.cli import app
from tests.workers.tiny_study import tiny_study, write_data, write_lines


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DECAYMIX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DECAYMIX_DATA_ROOTS", str(tmp_path / "data"))
    monkeypatch.setenv("DECAYMIX_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("COLUMNS", "200")
    return write_data(tmp_path / "data")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_preview_shows_fields_items_and_a_source_to_paste(data: Path) -> None:
    done = run("source", "preview", str(data / "sums.jsonl"))
    assert done.exit_code == 0, done.stderr
    assert "question         text" in done.stdout
    assert "150 documents" in done.stdout
    assert done.stdout.count("--- item") == 3
    assert "Question: What is 0 + 1?\nAnswer: 1" in done.stdout
    pasted = yaml.safe_load(done.stdout.split("a data root\n")[1])
    assert pasted["sources"][0]["response"] == "{{ answer }}"
    as_json = json.loads(run("source", "preview", str(data / "sums.jsonl"), "--json").stdout)
    assert as_json["num_documents"] == 150


def test_what_is_to_be_pasted_is_named_under_its_root_and_holds_line_breaks(data: Path) -> None:
    (data / "sft").mkdir()
    rows = [{"instruction": f"Add {i}.", "input": "1", "response": "2"} for i in range(9)]
    write_lines(data / "sft" / "rows.jsonl", rows)
    pasted = run("source", "preview", str(data / "sft" / "rows.jsonl")).stdout
    assert "  - sft/rows.jsonl\n" in pasted
    assert r'prompt: "{{ instruction }}{% if input %}\n{{ input }}{% endif %}"' in pasted


def test_a_check_shows_tokens_epochs_time_and_disk(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(tiny_study().model_dump(mode="json", exclude_unset=True)))
    done = run("study", "check", str(path))
    assert done.exit_code == 0, done.stderr
    for words in ("Sources of tiny", "benchmark test_sums: 12 items", "6 trials", "disk:"):
        assert words in done.stdout
    assert re.search(r"a trial: [\d:]+ \w+, of which scoring takes [\d.]+ %", done.stdout)
    # A row a source, so that sixteen fit a terminal.
    read = done.stdout.split("Times each source is read")[1]
    assert re.search(r"at 0 % SFT .* at 64 % SFT", read)
    assert re.search(r"sums +│ +│ +[\d.]+ │", read)
    assert re.search(r"text +│ +[\d.]+ │ +[\d.]+ │", read)


def test_bad_input_is_one_line_and_exit_code_2(data: Path, tmp_path: Path) -> None:
    broken = data / "broken.jsonl"
    broken.write_text('{"text": "a"}\n{"text": \n')
    wrong = tmp_path / "wrong.yaml"
    study = tiny_study().model_dump(mode="json", exclude_unset=True)
    wrong.write_text(yaml.safe_dump({**study, "seeds": [0, 0]}))
    template = tmp_path / "template.yaml"
    study["sources"][1]["prompt"] = "{{ qestion }}"
    template.write_text(yaml.safe_dump(study))
    twice, no_yaml = tmp_path / "twice.yaml", tmp_path / "no.yml"
    twice.write_text("seeds: [0]\nname: a\nseeds: [1]\n")
    no_yaml.write_text("a: [\n")
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    for arguments, words in [
        (("source", "preview", str(data / "no.jsonl")), "no such file"),
        (("source", "preview", str(data)), "it is a folder; name a file in it"),
        (("source", "preview", "no.jsonl"), f"no such file in {Path.cwd()}"),
        (("source", "preview", str(broken)), "line 2 is not JSON"),
        (("study", "check", str(tmp_path / "no.yaml")), "no.yaml: No such file or directory\n"),
        (("study", "check", str(empty)), "empty.yaml: is empty; expected an object of named"),
        (("study", "check", str(template), "--proxy", "nanno"), "proxy = 'nanno': no such preset"),
        (("study", "check", str(twice)), "twice.yaml: seeds: given twice, in line 1 and line 3"),
        (("study", "check", str(no_yaml)), "no.yml: not YAML"),
        (("study", "check", str(wrong)), "wrong.yaml: seeds = [0, 0]: seeds are [0, 0], expected"),
        (("study", "check", str(template)), "the fields there are ['answer', 'question']"),
    ]:
        done = run(*arguments)
        assert done.exit_code == 2, (arguments, done.stdout, done.stderr)
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
