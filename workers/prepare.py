"""What all trials of a recipe share, built once: tokenizer, tokenised sources, requests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from mixtures.recipe import Recipe
from mixtures.source import Source
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once
from workers.base_checkpoint import CHECKPOINT
from workers.benchmark_sets import benchmark_sets
from workers.benchmarks import RequestSet
from workers.config import WorkerConfig
from workers.harness_set import HarnessSet
from workers.study_data import StudyData
from workers.study_tokenizer import StudyTokenizer, study_tokenizer
from workers.tokenised import TokenisedSource, read_tokenised, write_tokenised

# Bump when the code below makes other bytes of the same input: old artifacts are then not used.
FORMAT = 6


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything but weights that a decay needs."""

    recipe: Recipe
    # Of the tokens that the stable phase reads.
    data_hash: str
    tokenizer: Tokenizer
    tokenizer_hash: str
    tokenizer_path: Path
    end_id: int
    # Of the user's own stable checkpoint; None where the study trains one.
    checkpoint_hash: str | None
    sources: dict[str, TokenisedSource]
    benchmarks: list[RequestSet | HarnessSet]


def prepare(
    recipe: Recipe,
    data_hashes: dict[str, str],
    config: WorkerConfig,
    on_source: Callable[[int, int], None],
) -> Prepared:
    """Build what is missing under the home, load the rest. `on_source(done, total)` on the way."""
    data = StudyData(recipe, data_hashes, config)
    total = len(recipe.sources) + 2
    tokens = study_tokenizer(recipe, data_hashes, config, data.first_documents)
    on_source(1, total)
    folders = {}
    for done, source in enumerate(recipe.sources, start=2):
        folders[source.name] = _tokenised(source, data, tokens)
        on_source(done, total)
    context = recipe.proxy.context_tokens
    stable = {s.name: folders[s.name].name for s in recipe.sources if s.kind == "pretrain"}
    benchmarks = benchmark_sets(data, tokens)
    on_source(total, total)
    return Prepared(
        recipe=recipe,
        data_hash=hash_text(canonical_json(stable)),
        tokenizer=tokens.tokenizer,
        tokenizer_hash=tokens.content_hash,
        tokenizer_path=tokens.path,
        end_id=tokens.end_id,
        checkpoint_hash=data_hashes.get(CHECKPOINT),
        sources={name: read_tokenised(folder, context, name) for name, folder in folders.items()},
        benchmarks=benchmarks,
    )


def _tokenised(source: Source, data: StudyData, tokens: StudyTokenizer) -> Path:
    """The folder of the source's tokens, named by all that they are made of; built if missing."""
    made_of = [
        FORMAT,
        data.data_hashes[f"sources.{source.name}"],
        source.kind,
        source.max_bytes,
        data.recipe.data_seed,
        tokens.content_hash,
        tokens.end_id,
    ]

    def build(folder: Path) -> None:
        order = data.used.positions[source.name].training
        documents = data.read(source.name)
        write_tokenised(folder, source, documents, order, tokens.tokenizer, tokens.end_id)

    folder = data.config.home / "tokenised" / hash_text(canonical_json(made_of))
    return built_once(folder, build, goes_on=True)
