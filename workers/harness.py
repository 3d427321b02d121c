"""A benchmark out of lm-evaluation-harness task files: its items, its requests, its scores.

Prompts, few-shot examples, filters and the file's own metrics are the harness's code at work
(`harness_load.py`). Ours are the tokens, the decoding, and beside its metrics those that it lacks:
bits per byte of the right answer for every kind of task, and calibration for choices.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mixtures.benchmark import Benchmark
from mixtures.metric import BITS_PER_BYTE, CHOICE_METRICS
from mixtures.value import canonical_json, hash_text
from workers.benchmark_items import BenchmarkItem
from workers.config import WorkerConfig
from workers.files import DataError
from workers.harness_load import LoadedTasks, load_tasks, task_file
from workers.template import FieldTemplate

# lm-evaluation-harness's own default (`fewshot_random_seed`): with data_seed 0 its prompts.
FEWSHOT_SEED = 1234
KINDS = ("multiple_choice", "loglikelihood", "generate_until")


@dataclass(frozen=True, slots=True)
class AskedText:
    """What one document asks: pairs of context and continuation, and a prompt to go on from.

    The first `num_choices` pairs are the choices; `gold` is the right one of the pairs. `until`
    and `max_new_tokens` hold for `prompt`, which is None where nothing is generated.
    """

    pairs: tuple[tuple[str, str], ...]
    gold: int
    num_choices: int
    choice_bytes: tuple[int, ...]
    prompt: str | None = None
    until: tuple[str, ...] = ()
    max_new_tokens: int = 0


@dataclass(slots=True)
class HarnessBenchmark:
    """The documents of all the file's tasks, one after another, each by its place among them."""

    benchmark: Benchmark
    loaded: LoadedTasks
    stratum: FieldTemplate
    places: list[tuple[int, int]] = field(default_factory=list)
    _docs: list[list[dict[str, Any]]] = field(default_factory=list)
    _items: dict[int, BenchmarkItem] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[Any, ...]:
        return self.loaded.tasks

    def task_of(self, index: int) -> Any:
        return self.tasks[self.places[index][0]]

    def doc(self, index: int) -> dict[str, Any]:
        task, place = self.places[index]
        return self._docs[task][place]

    @property
    def items(self) -> list[BenchmarkItem]:
        """Of every document; raises DataError where one has no right answer."""
        return [self.item(index) for index in range(len(self.places))]

    def item(self, index: int) -> BenchmarkItem:
        """Rendered when first asked for: a worker scores a hundred of ten thousand."""
        if index not in self._items:
            task, place = self.places[index]
            name, position = self.benchmark.task or "", place + 1
            where = f"benchmarks.{self.benchmark.name}"
            made = _item(self.tasks[task], self.doc(index), position, name, f"{where}.task")
            at = f"{self.tasks[task].task_name}, item {position}"
            self._items[index] = made._replace(stratum=self.stratum.render(self.doc(index), at))
        return self._items[index]

    def strata(self) -> list[str]:
        """The name of each document's task, so that all parts of a group are in a subset of it,
        and the stratum that the benchmark asks for.
        """
        names = [str(self.tasks[task].task_name) for task, _ in self.places]
        return [f"{name}: {item.stratum}" for name, item in zip(names, self.items, strict=True)]

    @property
    def generates(self) -> bool:
        return self.benchmark.generate and any(
            task.OUTPUT_TYPE == "generate_until" for task in self.tasks
        )

    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics that a trial gets: bits per byte, ours for choices, the file's."""
        names = {BITS_PER_BYTE: None}
        if all(
            task.OUTPUT_TYPE == "multiple_choice" and not task.multiple_target
            for task in self.tasks
        ):
            names |= dict.fromkeys(CHOICE_METRICS)
        shared = [
            {metric_name(metric, one): None for one in filters_of(task) for metric in wanted(task)}
            for task in self.tasks
            if self.benchmark.generate or task.OUTPUT_TYPE != "generate_until"
        ]
        if len(shared) == len(self.tasks):
            names |= {name: None for name in shared[0] if all(name in one for one in shared)}
        return tuple(names)

    def content_hash(self) -> str:
        """Of all that scores depend on: the documents, the examples, the file but for its paths."""
        parts: list[Any] = []
        for task, docs in zip(self.tasks, self._docs, strict=True):
            config = task.dump_config()
            for name in ("dataset_kwargs", "metadata"):
                config.pop(name, None)
            sampler = getattr(task, "sampler", None)
            examples = list(sampler.df or []) if sampler is not None else []
            parts.append([config, docs, examples])
        return hash_text(canonical_json(json.loads(json.dumps(parts, default=str))), 64)

    def asked(self, indices: Sequence[int], seed: int, shots: int | None = None) -> list[AskedText]:
        """What these documents ask, in this order; `shots` instead of the file's few-shot number.

        Examples are drawn one document after another from `seed`, as the harness draws them.
        """
        for task in self.tasks:
            task.set_fewshot_seed(FEWSHOT_SEED + seed)
        return [self._asked_of(index, shots) for index in indices]

    def _asked_of(self, index: int, shots: int | None) -> AskedText:
        task, doc, item = self.task_of(index), self.doc(index), self.item(index)
        number = self.num_fewshot(task) if shots is None else shots
        context = task.fewshot_context(doc, number, gen_prefix=task.doc_to_prefix(doc))
        made = task.construct_requests(doc, context, metadata=(task.task_name, index, 1))
        if task.OUTPUT_TYPE == "multiple_choice":
            pairs = tuple((str(one.args[0]), str(one.args[1])) for one in made)
            sizes = [item.answer] * len(item.choices) if task.multiple_input else item.choices
            return AskedText(
                pairs, item.gold, len(item.choices), tuple(len(one.encode()) for one in sizes)
            )
        delimiter = "" if task.OUTPUT_TYPE == "loglikelihood" else task.config.target_delimiter
        pairs = ((str(context), f"{delimiter}{item.answer}"),)
        if task.OUTPUT_TYPE == "loglikelihood" or not self.benchmark.generate:
            return AskedText(pairs, 0, 0, ())
        settings = made.args[1]
        return AskedText(
            pairs, 0, 0, (), str(context), _until(settings), int(settings.get("max_gen_toks", 256))
        )

    def num_fewshot(self, task: Any) -> int:
        own = self.benchmark.num_fewshot
        return int(task.config.num_fewshot or 0) if own is None else own


def load_benchmark(benchmark: Benchmark, config: WorkerConfig) -> HarnessBenchmark:
    """Raises DataError where the file or its data cannot be used; its documents: see `items`."""
    assert benchmark.task is not None
    place = f"benchmarks.{benchmark.name}.task"
    path = task_file(benchmark.task, config, place)
    loaded = load_tasks(path, benchmark.task, config, place, benchmark.files)
    stratum = FieldTemplate(benchmark.stratum or "", f"benchmarks.{benchmark.name}.stratum")
    found = HarnessBenchmark(benchmark, loaded, stratum)
    for number, task in enumerate(loaded.tasks):
        _require_supported(task, benchmark, config, place)
        docs = list(task.eval_docs)
        found._docs.append(docs)
        found.places += [(number, position) for position in range(len(docs))]
    if len(found.places) < 2:
        raise DataError(place, benchmark.task, f"holds {len(found.places)} items; expected two")
    return found


def metric_name(metric: str, filter_name: str) -> str:
    """The harness's name of a score; a filter is part of it where the file names one."""
    return metric if filter_name == "none" else f"{metric},{filter_name}"


def wanted(task: Any) -> list[str]:
    """The metrics that the file asks for."""
    return [str(name) for name in task._metric_fn_list]


def filters_of(task: Any) -> list[str]:
    return [str(one.name) for one in task._filters]


def _require_supported(task: Any, benchmark: Benchmark, config: WorkerConfig, place: str) -> None:
    name = benchmark.task or ""
    kind = task.OUTPUT_TYPE
    if kind not in KINDS:
        raise DataError(
            f"{place}.output_type", kind, f"expected one of {', '.join(KINDS)}; for held-out text "
            "use a benchmark with held_out"
        )  # fmt: skip
    if kind != "generate_until" or not benchmark.generate:
        return
    settings = task.config.generation_kwargs or {}
    if settings.get("do_sample") or float(settings.get("temperature") or 0.0) > 0:
        raise DataError(
            f"{place}.generation_kwargs", str(settings), "decoding is greedy here; set do_sample "
            "to false and temperature to 0, or give the benchmark `generate: false`"
        )  # fmt: skip
    if task.config.unsafe_code and not config.run_code:
        raise DataError(
            place, name, "runs code that the model writes. Where that is wanted set "
            "DECAYMIX_RUN_CODE=1 for the controller; `generate: false` scores bits per byte alone"
        )  # fmt: skip


def _item(task: Any, doc: dict[str, Any], position: int, name: str, place: str) -> BenchmarkItem:
    where = f"item {position} of {task.task_name}"
    try:
        text, target = task.doc_to_text(doc), task.doc_to_target(doc)
        choices = task.doc_to_choice(doc) if task.config.doc_to_choice is not None else ()
    except Exception as error:  # a template, or the user's own function, on this very document
        raise DataError(
            place, name, f"{where}: {type(error).__name__}: {error}; its fields are {sorted(doc)}"
        ) from error
    if task.OUTPUT_TYPE != "multiple_choice":
        first = target[0] if isinstance(target, list) and target else target
        if choices and isinstance(first, int):
            first = choices[first]
        if first is None or not str(first).strip():
            raise DataError(place, name, f"{where} has no right answer: doc_to_target is empty")
        return BenchmarkItem(str(text), str(first))
    texts = tuple(str(one) for one in choices)
    gold = _gold(text if task.multiple_input else target, texts)
    if gold is None:
        raise DataError(
            place, name, f"{where} has no right answer: {target!r} is not among its "
            f"{len(texts)} choices"
        )  # fmt: skip
    if task.multiple_input:
        return BenchmarkItem(" ".join(texts), str(target), texts, gold)
    return BenchmarkItem(str(text), texts[gold], texts, gold)


def _gold(target: Any, choices: tuple[str, ...]) -> int | None:
    """The index of the right choice, the first where several are; None where there is none."""
    first = target[0] if isinstance(target, list) and target else target
    if isinstance(first, str):
        return choices.index(first) if first in choices else None
    return int(first) if isinstance(first, int) and 0 <= first < len(choices) else None


def _until(settings: dict[str, Any]) -> tuple[str, ...]:
    until = settings.get("until") or ()
    return (until,) if isinstance(until, str) else tuple(str(one) for one in until)
