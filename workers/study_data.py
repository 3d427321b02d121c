"""The data of a study as a worker reads them: what is used, checked to be still the same."""

from collections.abc import Iterator

from mixtures.benchmark import Benchmark
from mixtures.recipe import Recipe
from workers.benchmark_items import BenchmarkItem, benchmark_items, items_hash
from workers.config import WorkerConfig
from workers.documents import Places
from workers.files import require_unchanged
from workers.harness import HarnessBenchmark, load_benchmark
from workers.screen import Used, used
from workers.sources import ContentHash, Item, read_source


class StudyData:
    """Reads sources and benchmarks only if something has to be built."""

    def __init__(self, recipe: Recipe, data_hashes: dict[str, str], config: WorkerConfig) -> None:
        self.recipe, self.data_hashes, self.config = recipe, data_hashes, config
        self._used: Used | None = None
        self._tasks: dict[str, HarnessBenchmark] = {}
        self._sources = {source.name: source for source in recipe.sources}

    @property
    def used(self) -> Used:
        """Which documents and items are used."""
        if self._used is None:
            self._used = used(self.recipe, self.data_hashes, self.config)
        return self._used

    def read(self, name: str) -> Iterator[tuple[int, Item]]:
        """(position, document) of all of a source; raises DataError where they have changed."""
        raw = ContentHash()
        for position, item in enumerate(read_source(self._sources[name], self.config)):
            raw.add(item)
            yield position, item
        expected = self.used.raw_hashes[name]
        require_unchanged(f"sources.{name}", name, raw.hexdigest(), expected)

    def documents(self, name: str, positions: Places) -> list[Item]:
        """The documents at `positions` of a source, in this order; for few of them."""
        wanted = {position: place for place, position in enumerate(positions.tolist())}
        found = [Item("", "")] * len(wanted)
        for position, item in self.read(name):
            if position in wanted:
                found[wanted[position]] = item
        return found

    def first_documents(self, name: str, num_characters: int) -> list[Item]:
        """The first training documents with about so many characters."""
        positions = self.used.positions[name].training
        sizes = self.used.num_characters[name][positions]
        return self.documents(name, positions[sizes.cumsum() - sizes < num_characters])

    def held_out(self, name: str) -> list[Item]:
        """The documents that are not trained on."""
        return self.documents(name, self.used.positions[name].held_out)

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
        """A benchmark of the harness, loaded once."""
        if benchmark.name not in self._tasks:
            found = load_benchmark(benchmark, self.config)
            field = f"benchmarks.{benchmark.name}"
            expected = self.data_hashes[field]
            require_unchanged(field, benchmark.name, found.content_hash(), expected)
            self._tasks[benchmark.name] = found
        return self._tasks[benchmark.name]
