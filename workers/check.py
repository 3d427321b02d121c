"""Reads all data of a recipe before any training: what is wrong with it, how much there is."""

from mixtures.study import Recipe
from mixtures.value import Value
from workers.benchmarks import decontaminated, question_key
from workers.config import WorkerConfig
from workers.documents import split_documents
from workers.files import DataError
from workers.sources import benchmark_items, content_hash, source_items


class SourceReport(Value):
    """What one source holds, after its subset is drawn."""

    num_documents: int
    num_held_out: int
    num_bytes: int


class BenchmarkReport(Value):
    """What one benchmark holds. `num_contaminated` items stand in a training source."""

    num_items: int
    num_contaminated: int


class DataReport(Value):
    """All sources and benchmarks of a recipe; `data_hashes` pins their content."""

    data_hashes: dict[str, str]
    sources: dict[str, SourceReport]
    benchmarks: dict[str, BenchmarkReport]


def check_data(recipe: Recipe, config: WorkerConfig) -> DataReport:
    """Raises DataError at the first source or benchmark that cannot be used."""
    hashes: dict[str, str] = {}
    sources: dict[str, SourceReport] = {}
    benchmarks: dict[str, BenchmarkReport] = {}
    sft_questions: set[str] = set()
    num_held_out: dict[str, int] = {}
    for source in recipe.sources:
        items = source_items(source, config)
        hashes[f"sources.{source.name}"] = content_hash(items)
        split = split_documents(source, items, recipe.data_seed)
        num_held_out[source.name] = len(split.held_out)
        sources[source.name] = SourceReport(
            num_documents=len(split.training),
            num_held_out=len(split.held_out),
            num_bytes=sum(len(item.prompt) + len(item.answer) for item in split.training),
        )
        if source.kind == "sft":
            sft_questions |= {question_key(item.prompt) for item in split.training}
    for benchmark in recipe.benchmarks:
        if benchmark.held_out is not None:
            benchmarks[benchmark.name] = BenchmarkReport(
                num_items=num_held_out[benchmark.held_out], num_contaminated=0
            )
            continue
        items = benchmark_items(benchmark, config)
        hashes[f"benchmarks.{benchmark.name}"] = content_hash(items)
        clean = decontaminated(items, frozenset(sft_questions))
        if len(clean) < 2:
            raise DataError(
                f"benchmarks.{benchmark.name}",
                benchmark.name,
                f"{len(items) - len(clean)} of its {len(items)} items stand in a training source; "
                "expected at least two that do not",
            )
        benchmarks[benchmark.name] = BenchmarkReport(
            num_items=len(items), num_contaminated=len(items) - len(clean)
        )
    return DataReport(data_hashes=hashes, sources=sources, benchmarks=benchmarks)
