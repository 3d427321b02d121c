"""What all trials of a recipe share, built once: tokenizer, tokenised sources, requests."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mixtures.benchmark import Benchmark
from mixtures.study import Recipe
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once
from workers.base_checkpoint import CHECKPOINT, pinned_checkpoint
from workers.benchmark_items import BenchmarkItem, benchmark_items, items_hash
from workers.benchmarks import (
    RequestSet,
    make_held_out_requests,
    make_requests,
    read_request_sets,
    write_request_sets,
)
from workers.config import WorkerConfig
from workers.documents import Places, document_text
from workers.harness import HarnessBenchmark, load_benchmark
from workers.harness_set import Chosen, HarnessSet, choose, make_set
from workers.hf_folder import tokenizer_and_end
from workers.screen import Used, require_unchanged, used
from workers.sources import ContentHash, Item, read_source
from workers.tokenised import TokenisedSource, read_tokenised, write_tokenised
from workers.tokenizer import END_ID, load_tokenizer, train_tokenizer

# Bump when the code below makes other bytes of the same input: old artifacts are then not used.
FORMAT = 5
# The tokenizer sees at most this much of each source, so that no source drowns the others.
TOKENIZER_BYTES_PER_SOURCE = 400_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything but weights that a decay needs."""

    recipe: Recipe
    data_hash: str
    tokenizer: Tokenizer
    tokenizer_hash: str
    tokenizer_path: Path
    end_id: int
    # Of the user's own stable checkpoint; None where the study trains one.
    checkpoint_hash: str | None
    sources: dict[str, TokenisedSource]
    benchmarks: list[RequestSet | HarnessSet]


class _Data:
    """Reads sources and benchmarks only if something has to be built."""

    def __init__(self, recipe: Recipe, data_hashes: dict[str, str], config: WorkerConfig) -> None:
        self.recipe, self.data_hashes, self.config = recipe, data_hashes, config
        self._used: Used | None = None
        self._tasks: dict[str, HarnessBenchmark] = {}
        self._sources = {source.name: source for source in recipe.sources}

    @property
    def used(self) -> Used:
        if self._used is None:
            self._used = used(self.recipe, self.data_hashes, self.config)
        return self._used

    def documents(self, name: str, positions: Places) -> list[Item]:
        """The documents at `positions` of a source, in this order."""
        wanted = {position: place for place, position in enumerate(positions.tolist())}
        found = [Item("", "")] * len(wanted)
        for position, item in enumerate(self.read(name)):
            if position in wanted:
                found[wanted[position]] = item
        return found

    def read(self, name: str) -> Iterator[Item]:
        """All documents of a source; raises DataError where they have changed, at the end."""
        raw = ContentHash()
        for item in read_source(self._sources[name], self.config):
            raw.add(item)
            yield item
        expected = self.used.raw_hashes[name]
        require_unchanged(f"sources.{name}", name, raw.hexdigest(), expected)

    def training(self, name: str) -> list[Item]:
        return self.documents(name, self.used.positions[name].training)

    def items(self, benchmark: Benchmark) -> list[BenchmarkItem]:
        """The items of a benchmark that are not left out."""
        items = benchmark_items(benchmark, self.config)
        field = f"benchmarks.{benchmark.name}"
        require_unchanged(field, benchmark.name, items_hash(items), self.data_hashes[field])
        left_out = self.left_out(benchmark)
        return [item for position, item in enumerate(items) if position not in left_out]

    def left_out(self, benchmark: Benchmark) -> frozenset[int]:
        """The items that stand in a training source, where they are what is dropped."""
        return self.used.items_left_out.get(benchmark.name, frozenset())

    def task(self, benchmark: Benchmark) -> HarnessBenchmark:
        if benchmark.name not in self._tasks:
            found = load_benchmark(benchmark, self.config)
            field = f"benchmarks.{benchmark.name}"
            expected = self.data_hashes[field]
            require_unchanged(field, benchmark.name, found.content_hash(), expected)
            self._tasks[benchmark.name] = found
        return self._tasks[benchmark.name]


def prepare(
    recipe: Recipe,
    data_hashes: dict[str, str],
    config: WorkerConfig,
    on_source: Callable[[int, int], None],
) -> Prepared:
    """Build what is missing under the home, load the rest. `on_source(done, total)` on the way."""
    data = _Data(recipe, data_hashes, config)
    used = {f"sources.{s.name}": data_hashes[f"sources.{s.name}"] for s in recipe.sources}
    if recipe.stable.checkpoint is not None:
        used[CHECKPOINT] = data_hashes[CHECKPOINT]
    corpus = hash_text(
        canonical_json(
            [
                FORMAT,
                used,
                [source.model_dump(mode="json") for source in recipe.sources],
                recipe.data_seed,
                recipe.proxy.vocab_size,
                recipe.proxy.context_tokens,
            ]
        )
    )
    total = len(recipe.sources) + 2
    folder = built_once(
        config.home / "tokenised" / corpus, lambda path: _build_corpus(path, data, on_source)
    )
    on_source(total - 1, total)
    tokenizer = load_tokenizer(folder)
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    # Absent where the tokenizer was trained here.
    end_id = about.get("end_id", END_ID)
    sources = {
        source.name: read_tokenised(folder / source.name, recipe.proxy.context_tokens)
        for source in recipe.sources
    }
    scored = [benchmark.model_dump(mode="json") for benchmark in recipe.benchmarks]
    asked = hash_text(canonical_json([FORMAT, corpus, scored, data_hashes, recipe.decontamination]))
    requests = built_once(
        config.home / "requests" / asked,
        lambda path: _build_requests(path, data, tokenizer, end_id),
    )
    benchmarks = _benchmarks(requests, data, tokenizer, end_id)
    on_source(total, total)
    return Prepared(
        recipe=recipe,
        data_hash=corpus,
        tokenizer=tokenizer,
        tokenizer_hash=about["tokenizer"],
        tokenizer_path=folder / "tokenizer.json",
        end_id=end_id,
        checkpoint_hash=used.get(CHECKPOINT),
        sources=sources,
        benchmarks=benchmarks,
    )


def _build_corpus(folder: Path, data: _Data, on_source: Callable[[int, int], None]) -> None:
    """Tokenizer and every tokenised source, in one folder."""
    recipe = data.recipe
    total = len(recipe.sources) + 2
    end_id = _give_tokenizer(folder, data)
    tokenizer = load_tokenizer(folder)
    on_source(1, total)
    for done, source in enumerate(recipe.sources, start=2):
        (folder / source.name).mkdir()
        training = data.training(source.name)
        write_tokenised(
            folder / source.name, source, training, tokenizer, recipe.proxy.context_tokens, end_id
        )
        on_source(done, total)


def _give_tokenizer(folder: Path, data: _Data) -> int:
    """`tokenizer.json` of the user's checkpoint, or one trained on the sources; the end's id."""
    recipe = data.recipe
    if recipe.stable.checkpoint is not None:
        base = pinned_checkpoint(recipe, data.data_hashes, data.config)
        _, end_id = tokenizer_and_end(base)
        text = (base.path / "tokenizer.json").read_text(encoding="utf-8")
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
        _write_about(folder, {"tokenizer": hash_text(text), "end_id": end_id})
        return end_id
    texts: list[str] = []
    for source in recipe.sources:
        used = 0
        for item in data.training(source.name):
            if used >= TOKENIZER_BYTES_PER_SOURCE:
                break
            texts.append(document_text(item, source)[:TOKENIZER_BYTES_PER_SOURCE])
            used += len(texts[-1])
    tokenizer = train_tokenizer(texts, recipe.proxy.vocab_size)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_about(folder, {"tokenizer": hash_text(tokenizer.to_str())})
    return END_ID


def _write_about(folder: Path, about: dict[str, Any]) -> None:
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _build_requests(folder: Path, data: _Data, tokenizer: Tokenizer, end_id: int) -> None:
    own = [one for one in data.recipe.benchmarks if one.task is None]
    sets = [_request_set(benchmark, data, tokenizer, end_id) for benchmark in own]
    write_request_sets(folder / "requests.json", sets)
    # Of a task only the choice of documents is kept: the harness has to be loaded anyway, and
    # makes the few requests anew in no time.
    chosen = {
        one.name: asdict(_chosen(one, data, tokenizer, end_id))
        for one in data.recipe.benchmarks
        if one.task is not None
    }
    (folder / "tasks.json").write_text(json.dumps(chosen), encoding="utf-8")


def _benchmarks(
    folder: Path, data: _Data, tokenizer: Tokenizer, end_id: int
) -> list[RequestSet | HarnessSet]:
    """All of the recipe's, in its order."""
    recipe = data.recipe
    own = [one for one in recipe.benchmarks if one.task is None]
    sets: dict[str, RequestSet | HarnessSet] = {
        one.benchmark.name: one for one in read_request_sets(folder / "requests.json", own)
    }
    stored = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    context, seed = recipe.proxy.context_tokens, recipe.data_seed
    for benchmark in recipe.benchmarks:
        if benchmark.task is not None:
            kept = stored[benchmark.name]
            chosen = Chosen(**{**kept, "indices": tuple(kept["indices"])})
            source = data.task(benchmark)
            sets[benchmark.name] = make_set(source, chosen, tokenizer, context, seed, end_id)
    return [sets[benchmark.name] for benchmark in recipe.benchmarks]


def _chosen(benchmark: Benchmark, data: _Data, tokenizer: Tokenizer, end_id: int) -> Chosen:
    recipe, source = data.recipe, data.task(benchmark)
    left_out = data.left_out(benchmark)
    clean = [index for index in range(len(source.items)) if index not in left_out]
    context, seed = recipe.proxy.context_tokens, recipe.data_seed
    chosen = choose(source, clean, tokenizer, context, seed, end_id)
    # What does not fit with its examples is said now, before anything is trained.
    make_set(source, chosen, tokenizer, context, seed, end_id)
    return chosen


def _request_set(
    benchmark: Benchmark, data: _Data, tokenizer: Tokenizer, end_id: int
) -> RequestSet:
    recipe = data.recipe
    context, seed = recipe.proxy.context_tokens, recipe.data_seed
    if benchmark.held_out is not None:
        held_out = data.documents(
            benchmark.held_out, data.used.positions[benchmark.held_out].held_out
        )
        return make_held_out_requests(benchmark, held_out, tokenizer, context, seed, end_id)
    items = data.items(benchmark)
    made = make_requests(benchmark, items, frozenset(), tokenizer, context, seed, end_id)
    return replace(made, num_contaminated=len(data.left_out(benchmark)))
