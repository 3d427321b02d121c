"""What a task file asks, shown before any study: is it sound, and what would the model see."""

from pathlib import Path

from mixtures.benchmark import Benchmark
from mixtures.value import Value
from workers.config import WorkerConfig
from workers.files import DataError
from workers.harness import load_benchmark

SHOWN_ITEMS = 1


class ShownAnswer(Value):
    """A continuation whose likelihood is scored, after its context."""

    context: str
    continuation: str
    is_right: bool


class ShownItem(Value):
    """One item as the model sees it. `prompt` is what it goes on from, where it generates."""

    answers: tuple[ShownAnswer, ...]
    prompt: str | None
    until: tuple[str, ...]
    max_new_tokens: int


class BenchmarkPreview(Value):
    """A task file that loads: how many items it has, what is scored, and some items."""

    tasks: tuple[str, ...]
    num_items: int
    metrics: tuple[str, ...]
    num_fewshot: int
    items: tuple[ShownItem, ...]


def preview_task(
    task: str, config: WorkerConfig, num_fewshot: int | None = None, shown: int = SHOWN_ITEMS
) -> BenchmarkPreview:
    """Of a task under a data root or one that comes with Decaymix; raises DataError."""
    benchmark = Benchmark(name="preview", task=task, num_fewshot=num_fewshot)
    source = load_benchmark(benchmark, config)
    asked = source.asked(range(min(shown, len(source.places))), seed=0)
    return BenchmarkPreview(
        tasks=tuple(str(one.task_name) for one in source.tasks),
        num_items=len(source.places),
        metrics=source.metrics(),
        num_fewshot=max(source.num_fewshot(one) for one in source.tasks),
        items=tuple(
            ShownItem(
                answers=tuple(
                    ShownAnswer(context=context, continuation=text, is_right=place == one.gold)
                    for place, (context, text) in enumerate(one.pairs)
                ),
                prompt=one.prompt,
                until=one.until,
                max_new_tokens=one.max_new_tokens,
            )
            for one in asked
        ),
    )


def preview_task_file(
    path: Path, config: WorkerConfig, num_fewshot: int | None = None
) -> BenchmarkPreview:
    """Of a file anywhere on this machine, whose own folder is looked in before the data roots; or,
    by its name, of one that comes with Decaymix.
    """
    is_name = path.suffix not in (".yaml", ".yml") and not path.exists()
    if not is_name and not path.is_file():
        raise DataError("file", str(path), "no such file")
    roots = config.data_roots if is_name else (path.parent.absolute(), *config.data_roots)
    # Nothing is run for a preview, so code that the model would write is no matter here.
    beside = WorkerConfig(home=config.home, data_roots=roots, run_code=True)
    return preview_task(str(path) if is_name else path.name, beside, num_fewshot)
