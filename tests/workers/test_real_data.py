"""The study on real files, where they are at hand; they are never part of this repository."""

import os
from pathlib import Path

import pytest
import yaml

from mixtures.benchmark import Benchmark
from mixtures.source import Source
from mixtures.study import StudySpec
from workers.benchmarks import decontaminated, question_key
from workers.check import check_data
from workers.config import WorkerConfig
from workers.sources import benchmark_items, source_items

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> WorkerConfig:
    named = os.environ.get("DECAYMIX_DATA_ROOTS", "").split(os.pathsep)
    roots = [Path(one) for one in named if one] + [ROOT / "data", ROOT.parent / "shared" / "data"]
    for root in roots:
        if (root / "sft" / "gsm8k_train.jsonl.gz").is_file():
            return WorkerConfig(home=tmp_path_factory.mktemp("home"), data_roots=(root,))
    pytest.skip("the real data files are not there (DECAYMIX_DATA_ROOTS)")


def test_the_real_study_reads_files_of_many_fields(config: WorkerConfig) -> None:
    text = (ROOT / "studies" / "sft-share-real.yaml").read_text(encoding="utf-8")
    report = check_data(StudySpec.model_validate(yaml.safe_load(text)), config)
    # Row counts of the files' own table.
    assert report.sources["gsm8k_train"].num_documents == 7473
    assert report.sources["cos_e_train"].num_documents == 7610
    held_out = report.sources["python_peps"].num_held_out
    assert report.sources["python_peps"].num_documents + held_out == 702
    assert report.benchmarks["math_test"].num_items == 5000
    assert report.benchmarks["humaneval"].num_items == 164


def test_the_known_overlap_of_two_real_files_is_found(config: WorkerConfig) -> None:
    """2,060 of the 2,289 questions of the benchmark stand in the source word for word."""
    source = Source(
        name="strategyqa_train",
        kind="sft",
        files=("sft/strategyqa_train.jsonl.gz",),
        prompt="{{ question }}",
        response="{{ answer }}",
    )
    benchmark = Benchmark(
        name="strategyqa",
        files=("benchmarks/strategyqa_bigbench.jsonl.gz",),
        prompt="{{ query[3:-3] }}",
        answer="{{ choices[gold] }}",
    )
    trained_on = frozenset(question_key(item.prompt) for item in source_items(source, config))
    items = benchmark_items(benchmark, config)
    assert len(items) == 2289
    assert len(items) - len(decontaminated(items, trained_on)) == 2060
