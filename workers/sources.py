"""A source's documents as text, in order; the hash of their content."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mixtures.source import ReasoningGymItems, Source, TextUnit
from workers.config import WorkerConfig
from workers.files import DataError, find_files, find_folder
from workers.python_library import docstring_documents, source_documents, topic_documents
from workers.records import Record, read_records
from workers.saved import fetched, read_saved
from workers.template import FieldTemplate, RecordFilter


class Item(NamedTuple):
    """One document: `prompt` is empty for plain text; `answer` is the text, response or gold."""

    prompt: str
    answer: str


def read_source(source: Source, config: WorkerConfig) -> Iterator[Item]:
    """The documents of a source one by one, those without text left out.

    Raises DataError at one that cannot be used, and at the end where there was none.
    """
    is_empty = True
    for item in _all_items(source, config):
        if item.answer.strip():
            is_empty = False
            yield item
    if is_empty:
        raise DataError(
            f"sources.{source.name}",
            ", ".join(source.files) or source.name,
            "holds no document with text"
            + ("" if source.filter is None else f" that its filter leaves ({source.filter})")
            + "; expected at least one",
        )


def _all_items(source: Source, config: WorkerConfig) -> Iterable[Item]:
    field = f"sources.{source.name}"
    if source.python_library:
        reader = {
            "source": source_documents,
            "docstrings": docstring_documents,
            "topics": topic_documents,
        }[source.python_library]
        return (Item("", text) for text in reader())
    if source.reasoning_gym:
        return reasoning_gym_items(source.reasoning_gym, f"{field}.reasoning_gym.tasks")
    if source.kind == "pretrain":
        templates = {"text": source.text or ""}
    else:
        templates = {"prompt": source.prompt or "", "response": source.response or ""}
    return _rendered(read_source_records(source, config), templates, field)


def read_source_records(source: Source, config: WorkerConfig) -> Iterator[tuple[str, Record]]:
    """(place, record) of a source that has records, those that its filter leaves."""
    field = f"sources.{source.name}"
    if source.saved is not None:
        folder = find_folder(source.saved, config.data_roots, f"{field}.saved")
        records = _placed(source.saved, read_saved(folder, source.saved, source.split, field))
    elif source.hub is not None:
        folder = fetched(source.hub, source.split, config.home, field)
        records = _placed(source.hub.path, read_saved(folder, source.hub.path, None, field))
    else:
        records = file_records(source.files, f"{field}.files", config, source.text_unit)
    if source.filter is None:
        return records
    wanted = RecordFilter(source.filter, f"{field}.filter")
    return ((place, record) for place, record in records if wanted.keeps(record, place))


def content_hash(items: Iterable[tuple[str, ...]]) -> str:
    """SHA-256 of the rendered items, in order: what a trial's spec pins."""
    found = ContentHash()
    for item in items:
        found.add(item)
    return found.hexdigest()


class ContentHash:
    """The same, item by item."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, item: tuple[str, ...]) -> None:
        for part in item:
            raw = part.encode("utf-8", errors="surrogatepass")
            self._digest.update(len(raw).to_bytes(8, "big") + raw)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


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


def file_records(
    files: tuple[str, ...], field: str, config: WorkerConfig, text_unit: TextUnit = "line"
) -> Iterator[tuple[str, Record]]:
    for pattern in files:
        for name, path in find_files(pattern, config.data_roots, field):
            yield from _placed(
                name, read_records(path, name, field, config.home / "datasets", text_unit)
            )


def _placed(name: str, records: Iterable[tuple[str, Record]]) -> Iterator[tuple[str, Record]]:
    for place, record in records:
        yield f"{name}, {place}", record


def _rendered(
    records: Iterable[tuple[str, Record]], templates: dict[str, str], field: str
) -> Iterator[Item]:
    """`templates` has `text`, or a prompt and then its answer, in this order."""
    parts = [FieldTemplate(text, f"{field}.{name}") for name, text in templates.items()]
    for place, record in records:
        texts = [part.render(record, place) for part in parts]
        yield Item(texts[0] if len(texts) == 2 else "", texts[-1])
