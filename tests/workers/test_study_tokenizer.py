"""A study's tokenizer: trained on its sources, or a file of the user's, pinned and checked."""

from pathlib import Path
from typing import Any

import pytest

from tests.workers.byte_tokenizer import byte_tokenizer
from tests.workers.tiny_study import tiny_config, tiny_study, tiny_trial, write_data
from workers.check import check_data
from workers.config import WorkerConfig
from workers.files import DataError
from workers.prepare import Prepared, prepare
from workers.sources import Item
from workers.study_tokenizer import study_tokenizer


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    config = tiny_config(tmp_path / "home", write_data(tmp_path / "data"))
    byte_tokenizer().save(str(config.data_roots[0] / "tokenizer.json"))
    return config


def prepared(config: WorkerConfig, **changes: Any) -> Prepared:
    # The questions are longer than the tiny context in tokens of one byte.
    benchmarks = [{"name": "held_out", "held_out": "text"}]
    spec = tiny_trial(config, 0.5, 0, benchmarks=benchmarks, **changes)
    return prepare(spec.recipe, spec.data_hashes, config, lambda done, total: None)


def test_a_tokenizer_of_the_users_is_used_as_it_stands(config: WorkerConfig) -> None:
    found = prepared(config, tokenizer={"file": "tokenizer.json"})
    assert found.end_id == 2
    about = found.sources["text"].about
    assert about is not None
    # Every byte is a token, and every document has an end token.
    assert about.num_tokens == about.num_bytes + about.num_documents
    trained = prepared(config)
    assert trained.tokenizer_hash != found.tokenizer_hash
    assert trained.sources["text"].about is not None
    assert trained.sources["text"].about.bytes_per_token > 2 * about.bytes_per_token


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"tokenizer": {"file": "no.json"}}, "tokenizer.file", "no such file"),
        ({"tokenizer": {"file": "sums.jsonl"}}, "tokenizer.file", "not a tokenizer"),
        (
            {"tokenizer": {"file": "tokenizer.json", "end_token": "<stop>"}},
            "tokenizer.end_token",
            "is no token of tokenizer.json",
        ),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_refused_before_any_training(
    config: WorkerConfig, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        check_data(tiny_study(**changes).recipe, config)
    assert caught.value.field == field


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(config: WorkerConfig) -> None:
    tokenizer = byte_tokenizer()
    # The byte tokenizer has 259.
    tokenizer.add_tokens([f"word{i}" for i in range(31)])
    tokenizer.save(str(config.data_roots[0] / "tokenizer.json"))
    large = tiny_study(tokenizer={"file": "tokenizer.json"}).recipe
    small = large.model_copy(update={"proxy": large.proxy.model_copy(update={"vocab_size": 280})})
    check_data(large, config)
    with pytest.raises(DataError, match="has ids up to 289; expected at least 290") as caught:
        check_data(small, config)
    assert caught.value.field == "proxy.vocab_size"


def test_a_tokenizer_that_changed_since_is_refused(config: WorkerConfig) -> None:
    spec = tiny_trial(config, 0.5, 0, tokenizer={"file": "tokenizer.json"})
    path = config.data_roots[0] / "tokenizer.json"
    path.write_text(path.read_text().replace("<unk>", "<nil>"))
    with pytest.raises(DataError, match="content changed since the study was submitted"):
        prepare(spec.recipe, spec.data_hashes, config, lambda done, total: None)


def test_sources_with_too_few_pieces_for_the_vocabulary_are_named(config: WorkerConfig) -> None:
    proxy = {**tiny_study().proxy.model_dump(), "vocab_size": 65_280}
    with pytest.raises(DataError, match=r"Give more text, .*: one of at most \d+$") as caught:
        prepared(config, proxy=proxy)
    assert (caught.value.field, caught.value.value) == ("proxy.vocab_size", "65280")
    assert "the first 12,750,000 characters of each" in caught.value.message


@pytest.mark.parametrize(
    ("vocab_size", "characters"), [(400, 400_000), (2048, 400_000), (65_280, 12_750_000)]
)
def test_a_larger_vocabulary_sees_more_of_each_source(
    config: WorkerConfig, vocab_size: int, characters: int
) -> None:
    proxy = {**tiny_study().proxy.model_dump(), "vocab_size": vocab_size}
    recipe = tiny_study(proxy=proxy).recipe
    hashes = check_data(recipe, config).data_hashes
    asked: dict[str, int] = {}

    class Seen(Exception):
        """All that was asked for is known."""

    def first_documents(name: str, num_characters: int) -> list[Item]:
        asked[name] = num_characters
        if len(asked) == 2:
            raise Seen
        return []

    with pytest.raises(Seen):
        study_tokenizer(recipe, hashes, config, first_documents)
    assert asked == {"text": characters, "sums": characters}


def test_another_source_leaves_the_tokens_of_the_others_where_they_are(
    config: WorkerConfig,
) -> None:
    """Tokenised once per content: of two studies with one tokenizer, and under another name."""
    fixed = {"tokenizer": {"file": "tokenizer.json"}}
    prepared(config, **fixed)
    before = set((config.home / "tokenised").iterdir())
    sources = [source.model_dump(exclude_unset=True) for source in tiny_study().sources]
    sources[1]["name"] = "renamed"
    prepared(config, sources=sources, **fixed)
    assert set((config.home / "tokenised").iterdir()) == before
