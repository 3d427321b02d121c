"""Where task files are found, and what is said where the harness is not installed."""

import importlib.util
from pathlib import Path

import pytest

from mixtures.benchmark import Benchmark
from workers.config import WorkerConfig
from workers.files import DataError
from workers.harness import load_benchmark
from workers.harness_load import SHIPPED, task_file


def config(root: Path) -> WorkerConfig:
    return WorkerConfig(home=root / "home", data_roots=(root,))


def test_without_the_harness_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "lm_eval" else find_spec(name)
    )
    with pytest.raises(DataError) as caught:
        load_benchmark(Benchmark(name="arc", task="arc_challenge"), config(tmp_path))
    assert caught.value.field == "benchmarks.arc.task"
    assert "pip install 'decaymix[lm-eval]'" in str(caught.value)


def test_a_name_is_a_shipped_task_and_a_path_is_under_a_data_root(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.yaml").write_text("task: own")
    assert task_file("gsm8k", config(tmp_path), "f") == SHIPPED / "gsm8k.yaml"
    assert task_file("mine/own.yaml", config(tmp_path), "f") == tmp_path / "mine" / "own.yaml"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/own.yaml", "relative to a data root"),
        ("../own.yaml", "relative to a data root"),
        ("own.yaml", "no such file under the data roots"),
        ("gsm9k", "there are arc_challenge, arc_easy"),
        ("_choices", "no such task comes with Decaymix"),
        ("../tasks/gsm8k", "no such task comes with Decaymix"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        task_file(name, config(tmp_path), "f")


@pytest.mark.parametrize(
    "fields",
    [
        {"held_out": "web", "num_fewshot": 2},
        {"held_out": "web", "generate": False},
        {"held_out": "web", "stratum": "{{ subject }}"},
        {"task": "gsm8k", "held_out": "web"},
        {"task": "gsm8k", "prompt": "{{ q }}"},
        {"task": "gsm8k", "num_fewshot": -1},
    ],
)
def test_fields_of_a_task_are_for_a_task_alone(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"task|num_fewshot|templates|stratum"):
        Benchmark.model_validate({"name": "x", **fields})
