"""The records of a data file as dictionaries, each with its place, so that an error can name it.

What has lines (JSON lines, CSV, text) is read here: Hugging Face `datasets` does not say which
line of it is broken, fills short CSV rows with nulls and takes a file that is cut short for whole.
It reads the rest: Parquet, a data set saved to disk, and, where a study asks for it, the hub.
"""

import csv
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from mixtures.source import TextUnit
from workers.compressed import COMPRESSED, read_lines
from workers.files import DataError

Record = dict[str, Any]


def read_records(
    path: Path, name: str, field: str, scratch: Path, text_unit: TextUnit = "line"
) -> Iterator[tuple[str, Record]]:
    """(place, record) of a file, e.g. ("line 3", {...}); raises DataError naming the place.

    `scratch` is the folder that `datasets` may write its lock files to. `text_unit` is what one
    record of a text file is; its only field is `text`.
    """
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    if plain.suffix == ".parquet":
        yield from _parquet(path, name, field, scratch)
        return
    readers = {".csv": _csv, ".tsv": _tsv, ".json": _json}
    lines = _Lines(path, name, field)
    if plain.suffix in (".txt", ".text", ".md"):
        yield from _text(lines, text_unit)
    elif plain.suffix in readers:
        yield from readers[plain.suffix](lines)
    else:
        yield from _json_lines(lines)


class _Lines:
    """The lines of one file as text; `number` is that of the newest, counted from 1."""

    def __init__(self, path: Path, name: str, field: str) -> None:
        self.path, self.name, self.field, self.number = path, name, field, 0

    def __iter__(self) -> Iterator[str]:
        try:
            for raw in read_lines(self.path):
                self.number += 1
                try:
                    yield raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise self.error(
                        f"line {self.number} is not UTF-8 (byte {error.start}); save it as UTF-8"
                    ) from error
        except (OSError, EOFError, zlib.error) as error:
            raise self.error(f"unreadable after line {self.number}: {error}") from error

    def error(self, message: str) -> DataError:
        return DataError(self.field, self.name, message)


def _json_lines(lines: _Lines) -> Iterator[tuple[str, Record]]:
    for line in lines:
        if line.strip():
            yield f"line {lines.number}", _object(line, lines)


def _object(line: str, lines: _Lines) -> Record:
    try:
        # Without its end, so that a line that stops short is said to do so there.
        record = json.loads(line.rstrip("\r\n"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise lines.error(
            f"line {lines.number} is not JSON ({error.msg} at column {error.colno})"
        ) from error
    except (ValueError, RecursionError) as error:
        # NaN, a number of thousands of digits, or brackets thousands deep.
        raise lines.error(f"line {lines.number} is not JSON that can be read ({error})") from error
    return _require_object(record, f"line {lines.number}", lines)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON; write null or leave the field out")


def _require_object(record: Any, place: str, lines: _Lines) -> Record:
    if not isinstance(record, dict):
        raise lines.error(f"{place} is {type(record).__name__}, expected a JSON object")
    return record


def _json(lines: _Lines) -> Iterator[tuple[str, Record]]:
    """One list of objects, or JSON lines under another name."""
    texts = iter(lines)
    first = next((text for text in texts if text.strip()), "")
    if not first.lstrip().startswith("["):
        yield from _json_lines_after(first, texts, lines)
        return
    try:
        records = json.loads(first + "".join(texts), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise lines.error(
            f"line {error.lineno} is not JSON ({error.msg} at column {error.colno})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise lines.error(f"it is not JSON that can be read ({error})") from error
    for position, record in enumerate(records, start=1):
        yield f"item {position}", _require_object(record, f"item {position}", lines)


def _json_lines_after(
    first: str, texts: Iterable[str], lines: _Lines
) -> Iterator[tuple[str, Record]]:
    if first:
        yield f"line {lines.number}", _object(first, lines)
    for line in texts:
        if line.strip():
            yield f"line {lines.number}", _object(line, lines)


def _csv(lines: _Lines) -> Iterator[tuple[str, Record]]:
    yield from _delimited(lines, ",")


def _tsv(lines: _Lines) -> Iterator[tuple[str, Record]]:
    yield from _delimited(lines, "\t")


def _delimited(lines: _Lines, delimiter: str) -> Iterator[tuple[str, Record]]:
    """Rows by the names in the first; every value stays the text that it is (007, NA)."""
    # One field may be a whole document; Python's limit is 128 KiB.
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        start = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise lines.error(f"line {lines.number} is not CSV ({error})") from error
        if row is None:
            return
        if not row:
            continue
        if header is None:
            header = row
            if len(set(header)) != len(header) or not all(header):
                raise lines.error(f"line {start} names the columns {header}; each once, please")
        elif len(row) != len(header):
            raise lines.error(
                f"line {start} has {len(row)} values, expected {len(header)}: {', '.join(header)}"
            )
        else:
            yield f"line {start}", dict(zip(header, row, strict=True))


def _text(lines: _Lines, unit: TextUnit) -> Iterator[tuple[str, Record]]:
    """Lines, paragraphs (with a blank line between them), or the whole file."""
    block: list[str] = []
    start = 1
    for line in lines:
        is_blank = not line.strip()
        if unit == "line" and not is_blank:
            yield f"line {lines.number}", {"text": line.rstrip("\r\n")}
        elif unit != "line" and (unit == "document" or not is_blank):
            start = start if block else lines.number
            block.append(line)
        elif unit == "paragraph" and block:
            yield f"line {start}", {"text": "".join(block).rstrip("\r\n")}
            block = []
    if block:
        yield f"line {start}", {"text": "".join(block).rstrip("\r\n")}


def _parquet(path: Path, name: str, field: str, scratch: Path) -> Iterator[tuple[str, Record]]:
    # Imported here: it takes a second and a half. The reader is the one behind load_dataset(),
    # which would report each use to a server first.
    from datasets.io.parquet import ParquetDatasetReader
    from pyarrow import ArrowException

    row = 0
    try:
        # Streamed: nothing is copied into a cache, so nothing can be stale.
        reader = ParquetDatasetReader(
            str(path), split="train", streaming=True, cache_dir=str(scratch)
        )
        for row, record in enumerate(reader.read(), start=1):
            yield f"row {row}", record
    except (ArrowException, OSError) as error:
        raise DataError(field, name, f"unreadable after row {row}: {error}") from error
