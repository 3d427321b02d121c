"""JSON lines under a data root: found, read and checked, with the line that is at fault named."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

SUFFIXES = (".jsonl", ".jsonl.gz")


class DataError(ValueError):
    """Data that cannot be used. `field` and `value` say where it is named in the study."""

    def __init__(self, field: str, value: str, message: str) -> None:
        super().__init__(field, value, message)
        self.field, self.value, self.message = field, value, message

    def __str__(self) -> str:
        return f"{self.field} {self.value!r}: {self.message}"


def find_file(name: str, roots: tuple[Path, ...], field: str) -> Path:
    """The file `name` under the first data root that holds it; raises DataError."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise DataError(field, name, "give a path relative to a data root, without '..'")
    if not name.endswith(SUFFIXES):
        raise DataError(field, name, f"expected a file ending in {' or '.join(SUFFIXES)}")
    for root in roots:
        path = root / parts
        if path.is_file():
            return path
    where = ", ".join(str(root) for root in roots)
    raise DataError(
        field, name, f"no such file under the data roots ({where}); set DECAYMIX_DATA_ROOTS"
    )


def read_json_lines(path: Path, name: str, field: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, record) of each line that is not blank; raises DataError."""
    line_number = 0
    try:
        with _open_binary(path) as stream:
            for line_number, raw in enumerate(stream, start=1):
                if raw.strip():
                    yield line_number, _record(raw, line_number, name, field)
    except (OSError, EOFError) as error:
        # A truncated or corrupt gzip file fails in the middle of reading.
        raise DataError(field, name, f"unreadable after line {line_number}: {error}") from error


def _open_binary(path: Path) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def _record(raw: bytes, line_number: int, name: str, field: str) -> dict[str, Any]:
    try:
        record = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(
            field, name, f"line {line_number} is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        raise DataError(
            field, name, f"line {line_number} is not JSON ({error.msg} at column {error.colno})"
        ) from error
    if not isinstance(record, dict):
        raise DataError(
            field, name, f"line {line_number} is {type(record).__name__}, expected a JSON object"
        )
    return record
