"""Templates are stopped by the time that they take, in data files and in task files alike."""

import time
from pathlib import Path

import pytest
import yaml

from mixtures.benchmark import Benchmark
from tests.workers.tiny_study import tiny_config, write_lines
from workers import sandbox
from workers.files import DataError
from workers.harness import load_benchmark
from workers.template import FieldExpression, FieldTemplate, RecordFilter

FIELD = "sources.chat.prompt"
NESTED = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
SUMS = "([range(99999) | list] * 99999) | map('sum') | sum"


@pytest.fixture(autouse=True)
def short_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MOST_SECONDS", 0.2)


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        # Loops that no function is called in.
        "{% set r = question * 99999 %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{{ " + SUMS + " }}",
    ],
)
def test_what_would_run_for_hours_is_stopped_and_named(text: str) -> None:
    template = FieldTemplate(text, FIELD)
    started = time.thread_time()
    with pytest.raises(DataError, match=r"line 7: it takes more than 0\.2 s") as caught:
        template.render({"question": "a"}, "line 7")
    assert time.thread_time() - started < 5
    assert (caught.value.field, caught.value.value) == (FIELD, text)


def test_a_filter_and_an_expression_are_stopped_too() -> None:
    with pytest.raises(DataError, match="takes more than"):
        RecordFilter(SUMS + " > 1", FIELD).keeps({}, "line 7")
    with pytest.raises(DataError, match="takes more than"):
        FieldExpression("{{ " + SUMS + " }}", FIELD).value({}, "line 7")


def test_time_counts_from_each_rendering() -> None:
    template = FieldTemplate("{% for i in range(9) %}{{ loop.index }}{% endfor %}", FIELD)
    FieldTemplate("{{ 1 }}", FIELD).render({}, "line 1")
    busy = time.thread_time()
    while time.thread_time() - busy < 0.3:
        pass
    assert template.render({}, "line 2") == "123456789"


def test_the_templates_of_task_files_are_stopped_as_well(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed")
    write_lines(tmp_path / "sums.jsonl", [{"q": "1 + 1", "a": "2"}, {"q": "2 + 2", "a": "4"}])
    task = {
        "task": "sums",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": "sums.jsonl"}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": NESTED,
        "doc_to_target": "{{ a }}",
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    (tmp_path / "sums.yaml").write_text(yaml.safe_dump(task))
    benchmark = Benchmark(name="sums", task="sums.yaml")
    with pytest.raises(DataError, match=r"ValueError: it takes more than 0\.2 s") as caught:
        load_benchmark(benchmark, tiny_config(tmp_path / "home", tmp_path))
    assert (caught.value.field, caught.value.value) == ("benchmarks.sums.task", "sums.yaml")
