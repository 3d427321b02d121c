"""The study on real files, where they are at hand; they are never part of this repository."""

import os
from pathlib import Path

import pytest
import yaml

from mixtures.benchmark import Benchmark
from mixtures.source import Source
from mixtures.study import StudySpec
from workers.benchmark_items import benchmark_items
from workers.check import check_data
from workers.config import WorkerConfig
from workers.overlap import Overlap
from workers.sources import Item, read_source

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
    for name, rows in (("gsm8k_train", 7473), ("cos_e_train", 7610)):
        source = report.sources[name]
        assert source.num_documents + source.num_left_out == rows
        assert source.num_left_out < 0.02 * rows
    held_out = report.sources["python_peps"].num_held_out
    peps = report.sources["python_peps"]
    assert peps.num_documents + held_out + peps.num_left_out == 702
    assert report.benchmarks["math_test"].num_items == 5000
    assert report.benchmarks["humaneval"].num_items == 164


def sft(name: str, prompt: str, response: str) -> Source:
    files = (f"sft/{name}.jsonl.gz",)
    return Source(name=name, kind="sft", files=files, prompt=prompt, response=response)


def benchmark(name: str, prompt: str, answer: str) -> Benchmark:
    files = (f"benchmarks/{name}.jsonl.gz",)
    return Benchmark(name=name, files=files, prompt=prompt, answer=answer)


def test_the_known_overlap_of_two_real_files_is_found_and_no_other(config: WorkerConfig) -> None:
    """2,060 of the 2,289 questions of one benchmark stand in a source word for word."""
    benchmarks = [
        benchmark("strategyqa_bigbench", "{{ query }}", "{{ choices[gold] }}"),
        benchmark("gsm8k_test", "{{ question }}", "{{ answer }}"),
    ]
    sources = [
        sft("strategyqa_train", "{{ question }}", "{{ answer }}"),
        sft("gsm8k_train", "{{ question }}", "{{ answer }}"),
    ]
    overlap = Overlap(
        {
            one.name: [Item(item.prompt, item.answer) for item in benchmark_items(one, config)]
            for one in benchmarks
        }
    )
    for source in sources:
        for position, item in enumerate(read_source(source, config)):
            overlap.add(source.name, position, item)
    found = {(pair.source, pair.benchmark): pair for pair in overlap.pairs()}
    assert len(found["strategyqa_train", "strategyqa_bigbench"].items) >= 2050
    gsm8k = found["gsm8k_train", "gsm8k_test"]
    assert len(gsm8k.items) < 0.02 * 1319
    assert len(gsm8k.documents) < 0.02 * 7473


def test_nested_records_become_items(config: WorkerConfig) -> None:
    source = sft(
        "self_instruct_seed",
        "{{ instruction }}{% if instances[0].input %}\n{{ instances[0].input }}{% endif %}",
        "{{ instances[0].output }}",
    )
    assert len(list(read_source(source, config))) == 175
