"""A first look at a data file: its fields, templates guessed from them, three items and tokens."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mixtures.source import Kind, Source
from mixtures.value import Value
from workers.config import WorkerConfig
from workers.documents import document_text
from workers.files import DataError, find_files
from workers.records import Record, read_records
from workers.sources import read_source
from workers.tokenizer import TooLittleText, byte_tokenizer, train_tokenizer

_SHOWN_ITEMS, _SHOWN_CHARACTERS = 3, 600
# Fields by the names that people give them, the likeliest first.
_PROMPTS = ("instruction", "prompt", "question", "query", "problem", "input", "task", "source")
_RESPONSES = (
    *("response", "output", "completion", "answer", "solution", "canonical_solution", "target"),
    *("sql", "code"),
)
# Of a question with choices: the list, and which of them is right, by index, letter or text.
_CHOICES = ("choices", "options", "answers", "endings")
_KEYS = ("gold", "label", "answerKey", "answer_key", "answer_index", "answer", "target", "correct")
_LETTERS = "ABCDEFGH"
_TEXTS = ("text", "content", "body", "document", "article", "passage")
_TURNS = ("messages", "conversations", "conversation", "dialogue")
# The pico proxy's vocabulary, or less where the file has too little text for it.
_VOCABULARIES = (2048, 1024, 512, 320)
_TRAINED_ON_CHARACTERS = 400_000


class PreviewItem(Value):
    """One item as it is trained on, cut to 600 characters; `num_tokens` are of all of it."""

    text: str
    num_tokens: int


class SourcePreview(Value):
    """What a file holds and a source that would read it.

    Tokens are those of a tokenizer of `vocab_size` pieces trained on the file itself.
    """

    file: str
    fields: dict[str, str]
    num_documents: int
    num_bytes: int
    vocab_size: int
    bytes_per_token: float
    num_tokens: int
    source: dict[str, Any]
    items: tuple[PreviewItem, ...]


def preview_source(name: str, config: WorkerConfig) -> SourcePreview:
    """Of a file under a data root, read to its end; raises DataError."""
    fields, source = _guessed(name, config)
    texts: list[str] = []
    size = num_bytes = num_documents = 0
    for item in read_source(source, config):
        text = document_text(item, source)
        num_documents += 1
        num_bytes += len(text.encode())
        if size < _TRAINED_ON_CHARACTERS:
            texts.append(text[: _TRAINED_ON_CHARACTERS - size])
            size += len(texts[-1])
    tokenizer, vocab_size = _tokenizer(texts)
    sample_bytes = sum(len(text.encode()) for text in texts)
    bytes_per_token = sample_bytes / sum(len(tokenizer.encode(text).ids) + 1 for text in texts)
    return SourcePreview(
        file=name,
        fields={field: _kind_of(value) for field, value in fields.items()},
        num_documents=num_documents,
        num_bytes=num_bytes,
        vocab_size=vocab_size,
        bytes_per_token=round(bytes_per_token, 3),
        num_tokens=round(num_bytes / bytes_per_token),
        source=source.model_dump(mode="json", exclude_unset=True),
        items=tuple(
            PreviewItem(
                text=text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…",
                num_tokens=len(tokenizer.encode(text).ids) + 1,
            )
            for text in texts[:_SHOWN_ITEMS]
        ),
    )


def preview_file(path: Path, config: WorkerConfig) -> SourcePreview:
    """Of any file on this machine, by its name under a data root where it lies under one."""
    for root in config.data_roots:
        if path.is_relative_to(root):
            return preview_source(path.relative_to(root).as_posix(), config)
    return preview_source(path.name, WorkerConfig(home=config.home, data_roots=(path.parent,)))


def guess_templates(record: Mapping[str, Any]) -> tuple[Kind, dict[str, str]]:
    """Kind and templates of a source by the fields of its first record.

    Raises DataError where no field holds text.
    """
    for field in _TURNS:
        if (found := _turns(field, record.get(field))) is not None:
            return "sft", found
    prompt = next((field for field in _PROMPTS if _is_text(record.get(field))), None)
    if prompt is not None and (right := _right_choice(record)) is not None:
        return "sft", {"prompt": _with_input(prompt, record), "response": right}
    response = next(
        (field for field in _RESPONSES if _is_short(record.get(field)) and field != prompt), None
    )
    if prompt is not None and response is not None:
        return "sft", {"prompt": _with_input(prompt, record), "response": _as_text(response)}
    nested = _nested_response(record)
    if prompt is not None and nested is not None:
        return "sft", {"prompt": _as_text(prompt) + nested[0], "response": nested[1]}
    texts = [field for field in _TEXTS if _is_text(record.get(field))]
    others = [field for field in record if _is_text(record[field])]
    if not texts and not others:
        raise DataError("file", "", f"no field holds text; the fields are {sorted(record)}")
    longest = max(others, key=lambda field: len(record[field]))
    return "pretrain", {"text": _as_text(texts[0] if texts else longest)}


def _guessed(name: str, config: WorkerConfig) -> tuple[Record, Source]:
    file, path = find_files(name, config.data_roots, "file")[0]
    record = next(iter(read_records(path, file, "file", config.home / "datasets")), None)
    if record is None:
        raise DataError("file", name, "is empty; expected at least one record")
    kind, templates = guess_templates(record[1])
    plain = "".join(c if c.isalnum() else "_" for c in Path(file).name.split(".")[0].lower())
    source = {"name": plain.strip("_")[:64] or "source", "kind": kind, "files": [name]}
    return record[1], Source.model_validate({**source, **templates})


def _tokenizer(texts: list[str]) -> tuple[Tokenizer, int]:
    """The largest that the texts are enough for; at the least, one token a byte."""
    for size in _VOCABULARIES:
        try:
            return train_tokenizer(texts, size), size
        except TooLittleText:
            continue
    plain = byte_tokenizer()
    return plain, plain.get_vocab_size()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_short(value: Any) -> bool:
    return _is_text(value) or isinstance(value, bool | int | float)


def _as_text(field: str) -> str:
    return "{{ " + (field if field.isidentifier() else f"self['{field}']") + " }}"


def _with_input(prompt: str, record: Mapping[str, Any]) -> str:
    """Alpaca's form: an instruction that may have an input below it."""
    if prompt == "instruction" and isinstance(record.get("input"), str):
        return "{{ instruction }}{% if input %}\n{{ input }}{% endif %}"
    return _as_text(prompt)


def _right_choice(record: Mapping[str, Any]) -> str | None:
    """`{{ choices[gold] }}`: where a list of texts and the index or letter of one are there."""
    choices = next((name for name in _CHOICES if _is_list_of_texts(record.get(name))), None)
    if choices is None:
        return None
    for name in _KEYS:
        key = record.get(name)
        if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(record[choices]):
            return "{{ " + f"{choices}[{name}]" + " }}"
        if isinstance(key, str) and key in list(_LETTERS[: len(record[choices])]):
            return "{{ " + f"{choices}['{_LETTERS}'.index({name})]" + " }}"
        if key in record[choices]:
            return _as_text(name)
    return None


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 2 and all(_is_text(one) for one in value)


def _nested_response(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """A response in a list of objects, and the input beside it: instances[0].output."""
    for field, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for inner in _RESPONSES:
                if _is_short(value[0].get(inner)):
                    beside = f"{field}[0].input"
                    below = f"{{% if {beside} %}}\n{{{{ {beside} }}}}{{% endif %}}"
                    is_there = isinstance(value[0].get("input"), str)
                    return below if is_there else "", "{{ " + f"{field}[0].{inner}" + " }}"
    return None


def _turns(field: str, value: Any) -> dict[str, str] | None:
    """The first question and answer of a chat, after a system's turn if there is one."""
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        return None
    for content, role in (("content", "role"), ("value", "from")):
        first = next(
            (i for i, turn in enumerate(value) if turn.get(role) in ("user", "human")), None
        )
        if first is not None and first + 1 < len(value) and content in value[first]:
            return {
                "prompt": "{{ " + f"{field}[{first}].{content}" + " }}",
                "response": "{{ " + f"{field}[{first + 1}].{content}" + " }}",
            }
    return None


def _kind_of(value: Any) -> str:
    if isinstance(value, list):
        return f"list of {_kind_of(value[0])}" if value else "list"
    if isinstance(value, dict):
        return "object with " + ", ".join(value)
    return "null" if value is None else {str: "text"}.get(type(value), type(value).__name__)
