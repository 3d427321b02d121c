"""All that a benchmark with items of its own holds, wherever they come from."""

from typing import NamedTuple

from mixtures.benchmark import Benchmark
from workers.benchmark_items import BenchmarkItem, benchmark_items, items_hash
from workers.config import WorkerConfig
from workers.harness import load_benchmark
from workers.sources import Item


class BenchmarkContent(NamedTuple):
    """`metrics` are all that a trial will have on it."""

    items: list[BenchmarkItem]
    content_hash: str
    metrics: tuple[str, ...]

    def documents(self) -> list[Item]:
        """What a training source must not hold: each question with its right answer."""
        return [Item(one.prompt, one.answer) for one in self.items]


def benchmark_content(benchmark: Benchmark, config: WorkerConfig) -> BenchmarkContent:
    """Not of one that is held out of a source; raises DataError where it cannot be used."""
    if benchmark.task is not None:
        task = load_benchmark(benchmark, config)
        return BenchmarkContent(task.items, task.content_hash(), task.metrics())
    items = benchmark_items(benchmark, config)
    return BenchmarkContent(items, items_hash(items), benchmark.metrics)
