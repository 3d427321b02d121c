"""`./run decaymix benchmark check`: what is shown of a task file, and what is said of a bad one."""

import gzip
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from service.cli import app
from service.cli_benchmark import preview_text

TASK = {
    "task": "pick",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "picks.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{q}}",
    "doc_to_choice": "options",
    "doc_to_target": "right",
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DECAYMIX_HOME", str(tmp_path / "home"))
    records = [{"q": "Sky?", "options": ["red", "blue"], "right": 1}] * 3
    (tmp_path / "picks.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    (tmp_path / "pick.yaml").write_text(yaml.safe_dump(TASK))
    return tmp_path / "pick.yaml"


def test_an_item_is_shown_as_the_model_sees_it(file: Path) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (extra lm-eval)")
    found = CliRunner().invoke(app, ["benchmark", "check", str(file)])
    assert found.exit_code == 0, found.output
    assert "pick: 3 items, 0 examples before each" in found.output
    assert "context:\nSky?\nother choice: ' red'\nright answer: ' blue'" in found.output
    as_json = CliRunner().invoke(app, ["benchmark", "check", str(file), "--json"])
    assert json.loads(as_json.output)["metrics"][:2] == ["bits_per_byte", "acc"]


def test_a_task_that_comes_with_decaymix_is_checked_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (extra lm-eval)")
    monkeypatch.setenv("DECAYMIX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DECAYMIX_DATA_ROOTS", str(tmp_path))
    (tmp_path / "benchmarks").mkdir()
    with gzip.open(tmp_path / "benchmarks" / "piqa.jsonl.gz", "wt") as file:
        item = json.dumps({"query": "Cut bread?", "choices": ["Saw.", "Dig."], "gold": 0})
        file.write(f"{item}\n{item}\n")
    found = CliRunner().invoke(app, ["benchmark", "check", "piqa"])
    assert found.exit_code == 0, found.output
    assert "piqa: 2 items" in found.output
    assert "right answer: ' Saw.'" in found.output


def test_a_name_that_no_task_has_lists_those_there_are() -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (extra lm-eval)")
    found = CliRunner().invoke(app, ["benchmark", "check", "piqaa"])
    assert found.exit_code == 2
    assert "piqa, " in found.output


def test_a_bad_file_ends_with_2_and_one_line(file: Path) -> None:
    found = CliRunner().invoke(app, ["benchmark", "check", str(file.with_name("none.yaml"))])
    assert found.exit_code == 2
    assert "none.yaml': no such file" in found.output
    assert found.output.count("\n") == 1


def test_what_is_generated_says_where_it_ends() -> None:
    answer = {"context": "1+1=", "continuation": " 2", "is_right": True}
    item = {"answers": [answer], "prompt": "1+1=", "until": ["\n"], "max_new_tokens": 8}
    found = {"tasks": ["sum"], "num_items": 2, "num_fewshot": 0, "metrics": ["x"], "items": [item]}
    assert "for at most 8 tokens or until one of ['\\n']" in preview_text(found)
