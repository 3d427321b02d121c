"""Reads all data of a recipe before any training: what is wrong with it, how much there is."""

from mixtures.recipe import Recipe
from mixtures.value import Value, added
from workers.base_checkpoint import CHECKPOINT, CheckpointReport, check_checkpoint
from workers.config import WorkerConfig
from workers.files import DataError
from workers.kept_screening import Screening
from workers.room import require_room
from workers.screen import keep, screen
from workers.study_tokenizer import check_tokenizer


class SourceReport(Value):
    """What one source holds, after its subset is drawn. `num_left_out` are not among them."""

    num_documents: int
    num_held_out: int
    num_bytes: int
    num_left_out: int = added(0)


class BenchmarkReport(Value):
    """What one benchmark holds. `num_contaminated` items stand in a training source.

    `metrics` are all that a trial will have on it.
    """

    num_items: int
    num_contaminated: int
    metrics: tuple[str, ...] = ()


class Contamination(Value):
    """Documents of a source that hold items of a benchmark."""

    source: str
    benchmark: str
    num_documents: int
    num_items: int


class Repeated(Value):
    """Documents of a source that nearly repeat documents of `of`, which come first."""

    source: str
    of: str
    num_documents: int


class DataReport(Value):
    """All sources and benchmarks of a recipe; `data_hashes` pins their content.

    `contamination` has the pairs with anything in common, `near_duplicates` likewise; the study's
    fields of these names say what was done with them. `checkpoint` is of the user's own stable
    checkpoint, where the study starts from one.
    """

    data_hashes: dict[str, str]
    sources: dict[str, SourceReport]
    benchmarks: dict[str, BenchmarkReport]
    contamination: tuple[Contamination, ...] = ()
    near_duplicates: tuple[Repeated, ...] = ()
    checkpoint: CheckpointReport | None = added(None)


def check_data(recipe: Recipe, config: WorkerConfig) -> DataReport:
    """Raises DataError at the first source or benchmark that cannot be used."""
    hashes = check_tokenizer(recipe, config)
    checkpoint = None
    if recipe.stable.checkpoint is not None:
        hashes[CHECKPOINT], checkpoint = check_checkpoint(recipe, config)
    screening = screen(recipe, config)
    for benchmark in recipe.benchmarks:
        name = benchmark.held_out
        if name is not None and screening.positions[name].is_all_held_out:
            raise DataError(
                f"benchmarks.{benchmark.name}.held_out",
                name,
                "the source has one document, which it trains on; expected at least two "
                "different ones, so that one can be held out",
            )
    num_bytes = sum(
        int(screening.num_bytes[name][positions.training].sum())
        for name, positions in screening.positions.items()
    )
    require_room(recipe, num_bytes, config)
    keep(screening, recipe, config)
    return DataReport(
        data_hashes=screening.hashes | hashes,
        sources={source.name: _source_report(source.name, screening) for source in recipe.sources},
        benchmarks={
            benchmark.name: BenchmarkReport(
                num_items=len(screening.positions[benchmark.held_out].held_out)
                if benchmark.held_out is not None
                else screening.num_items[benchmark.name],
                num_contaminated=_num_contaminated(benchmark.name, screening),
                metrics=screening.metrics.get(benchmark.name, benchmark.metrics),
            )
            for benchmark in recipe.benchmarks
        },
        contamination=tuple(
            Contamination(
                source=pair.source,
                benchmark=pair.benchmark,
                num_documents=len(pair.documents),
                num_items=len(pair.items),
            )
            for pair in screening.overlaps
        ),
        near_duplicates=tuple(
            Repeated(source=source, of=of, num_documents=count)
            for (source, of), count in sorted(screening.near_duplicates.items())
        ),
        checkpoint=checkpoint,
    )


def _source_report(name: str, screening: Screening) -> SourceReport:
    positions = screening.positions[name]
    return SourceReport(
        num_documents=len(positions.training),
        num_held_out=len(positions.held_out),
        num_bytes=int(screening.num_bytes[name][positions.training].sum()),
        num_left_out=screening.num_left_out.get(name, 0),
    )


def _num_contaminated(benchmark: str, screening: Screening) -> int:
    found = [pair.items for pair in screening.overlaps if pair.benchmark == benchmark]
    return len(frozenset().union(*found))
