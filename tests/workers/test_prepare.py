"""What trials of a recipe share: built once under the hash of what made it, used as it stands."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixtures.recipe import Recipe
from tests.workers.tiny_study import tiny_config, tiny_study, write_data, write_lines
from workers.check import check_data
from workers.config import WorkerConfig
from workers.files import DataError
from workers.prepare import Prepared, prepare
from workers.prompt import answer_text, prompt_text


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return tiny_config(tmp_path / "home", write_data(tmp_path / "data"))


def prepared_of(
    config: WorkerConfig, told: Any = lambda done, total: None, **changes: Any
) -> Prepared:
    recipe = tiny_study(**changes).recipe
    return prepare(recipe, check_data(recipe, config).data_hashes, config, told)


def built(config: WorkerConfig) -> dict[str, set[str]]:
    """Names of the artifacts under the home, by kind."""
    return {
        kind: {path.name for path in (config.home / kind).iterdir() if path.is_dir()}
        for kind in ("tokenised", "requests")
    }


def modified(config: WorkerConfig) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in config.home.rglob("*") if path.is_file()}


def test_a_second_trial_builds_nothing(config: WorkerConfig) -> None:
    first = prepared_of(config)
    files = modified(config)
    again = prepared_of(config)
    assert modified(config) == files
    assert (again.data_hash, again.tokenizer_hash) == (first.data_hash, first.tokenizer_hash)
    assert again.benchmarks == first.benchmarks


def test_nothing_is_read_again_once_it_is_built(config: WorkerConfig) -> None:
    recipe = tiny_study().recipe
    hashes = check_data(recipe, config).data_hashes
    first = prepare(recipe, hashes, config, lambda done, total: None)
    for path in config.data_roots[0].iterdir():
        path.unlink()
    again = prepare(recipe, hashes, config, lambda done, total: None)
    assert again.benchmarks == first.benchmarks
    assert np.array_equal(again.sources["text"].tokens, first.sources["text"].tokens)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        # Other weights, phases and seeds of training read the same tokens.
        ({"stable": {"tokens": 5120, "warmup_tokens": 0}, "stable_seed": 9, "seeds": [4]}, set()),
        ({"optimiser": {"batch_tokens": 512}}, set()),
        ({"data_seed": 1}, {"tokenised", "requests"}),
        (
            {"proxy": {**tiny_study().proxy.model_dump(), "vocab_size": 380}},
            {"tokenised", "requests"},
        ),
        ({"benchmarks": [{"name": "held_out", "held_out": "text"}]}, {"requests"}),
    ],
)
def test_what_made_it_names_it(
    config: WorkerConfig, changes: dict[str, Any], kinds: set[str]
) -> None:
    prepared_of(config)
    before = built(config)
    prepared_of(config, **changes)
    after = built(config)
    assert {kind for kind in after if after[kind] - before[kind]} == kinds
    assert all(before[kind] <= after[kind] for kind in before)


def test_held_out_documents_are_in_no_training_token(config: WorkerConfig) -> None:
    prepared = prepared_of(config)
    tokenizer = prepared.tokenizer
    trained = tokenizer.decode(prepared.sources["text"].tokens.tolist())
    held_out = next(one for one in prepared.benchmarks if one.benchmark.name == "held_out")
    answers = [
        tokenizer.decode(list(request.tokens[request.answer_start :]))
        for request in held_out.requests
    ]
    # Three words of three syllables stand in a document by chance once in a million.
    long = [answer for answer in answers if len(answer) > 20]
    assert len(long) >= 4
    assert [answer for answer in long if answer in trained] == []


def test_sft_items_are_trained_on_in_the_prompt_format(config: WorkerConfig) -> None:
    prepared = prepared_of(config)
    text = prepared.tokenizer.decode(
        prepared.sources["sums"].tokens.tolist(), skip_special_tokens=False
    )
    documents = text.split("</s>")[:-1]
    assert sorted(documents) == sorted(
        prompt_text(f"What is {i} + {i + 1}?") + answer_text(str(2 * i + 1)) for i in range(150)
    )


def test_progress_counts_every_source(config: WorkerConfig) -> None:
    told: list[tuple[int, int]] = []
    prepared_of(config, lambda done, total: told.append((done, total)))
    # The tokenizer, two sources, the requests.
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    told.clear()
    prepared_of(config, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_changed_data_build_nothing_under_the_old_name(config: WorkerConfig) -> None:
    recipe: Recipe = tiny_study().recipe
    hashes = check_data(recipe, config).data_hashes
    write_lines(config.data_roots[0] / "text.jsonl", [{"text": "another"}] * 30)
    with pytest.raises(DataError, match="changed since the study was submitted"):
        prepare(recipe, hashes, config, lambda done, total: None)
    left = [path.name for path in config.home.glob("token*/*") if path.is_dir()]
    assert left
    assert all(name.endswith(".partial") for name in left)
    assert not (config.home / "requests").exists()


def test_preparing_data_does_not_load_torch() -> None:
    # 180 MB that a process which only reads and tokenises has no use for.
    code = "import sys, workers.check, workers.prepare; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, text=True, stdout=subprocess.PIPE
    )
    assert found.stdout == "False\n"
