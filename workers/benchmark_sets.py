"""What every trial of a recipe is scored on: built once, then read by each worker."""

import json
from dataclasses import asdict
from pathlib import Path

from mixtures.benchmark import Benchmark
from mixtures.recipe import Recipe
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once
from workers.benchmarks import (
    RequestSet,
    make_held_out_requests,
    make_requests,
    read_request_sets,
    write_request_sets,
)
from workers.harness_set import Chosen, HarnessSet, choose, make_set
from workers.study_data import StudyData
from workers.study_tokenizer import StudyTokenizer

# Bump when the code below makes other requests of the same items.
FORMAT = 6


def benchmark_sets(data: StudyData, tokens: StudyTokenizer) -> list[RequestSet | HarnessSet]:
    """All of the recipe's, in its order."""
    recipe = data.recipe
    name = hash_of_sets(recipe, data.data_hashes, tokens.content_hash, tokens.end_id)
    folder = built_once(
        data.config.home / "requests" / name, lambda path: _build(path, data, tokens)
    )
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
            sets[benchmark.name] = make_set(
                source, chosen, tokens.tokenizer, context, seed, tokens.end_id
            )
    return [sets[benchmark.name] for benchmark in recipe.benchmarks]


def hash_of_sets(
    recipe: Recipe, data_hashes: dict[str, str], tokenizer_hash: str, end_id: int
) -> str:
    """Of all that the recipe's sets are made of."""
    made_of = [
        FORMAT,
        tokenizer_hash,
        end_id,
        [benchmark.model_dump(mode="json") for benchmark in recipe.benchmarks],
        [source.model_dump(mode="json") for source in recipe.sources],
        data_hashes,
        recipe.data_seed,
        recipe.proxy.context_tokens,
        recipe.decontamination,
    ]
    return hash_text(canonical_json(made_of))


def _build(folder: Path, data: StudyData, tokens: StudyTokenizer) -> None:
    own = [one for one in data.recipe.benchmarks if one.task is None]
    sets = [_request_set(benchmark, data, tokens) for benchmark in own]
    write_request_sets(folder / "requests.json", sets)
    # Of a task only the choice of documents is kept: the harness has to be loaded anyway, and
    # makes the few requests anew in no time.
    chosen = {
        one.name: asdict(_chosen(one, data, tokens))
        for one in data.recipe.benchmarks
        if one.task is not None
    }
    (folder / "tasks.json").write_text(json.dumps(chosen), encoding="utf-8")


def _chosen(benchmark: Benchmark, data: StudyData, tokens: StudyTokenizer) -> Chosen:
    recipe, source = data.recipe, data.task(benchmark)
    left_out = data.left_out(benchmark)
    clean = [index for index in range(len(source.places)) if index not in left_out]
    context, seed = recipe.proxy.context_tokens, recipe.data_seed
    chosen = choose(source, clean, tokens.tokenizer, context, seed, tokens.end_id)
    # What does not fit with its examples is said now, before anything is trained.
    make_set(source, chosen, tokens.tokenizer, context, seed, tokens.end_id)
    return chosen


def _request_set(benchmark: Benchmark, data: StudyData, tokens: StudyTokenizer) -> RequestSet:
    tokenizer, end_id = tokens.tokenizer, tokens.end_id
    context, seed = data.recipe.proxy.context_tokens, data.recipe.data_seed
    if benchmark.held_out is not None:
        held_out = data.held_out(benchmark.held_out)
        return make_held_out_requests(benchmark, held_out, tokenizer, context, seed, end_id)
    items = data.items(benchmark)
    num_left_out = len(data.left_out(benchmark))
    return make_requests(benchmark, items, num_left_out, tokenizer, context, seed, end_id)
