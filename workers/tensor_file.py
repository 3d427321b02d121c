"""Safetensors files: opened with an error that says what is wrong, written whole or not at all.

Safetensors hold numbers and their names and nothing that could run, which a pickle can.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from workers.files import DataError


@contextmanager
def open_tensors(path: Path, framework: Literal["pt", "np"]) -> Iterator[Any]:
    """The open file; raises DataError where it is missing, truncated or something else."""
    try:
        file = safe_open(path, framework=framework)
    except FileNotFoundError as error:
        raise DataError(path.name, str(path.parent), "no such file in this folder") from error
    except (SafetensorError, OSError) as error:
        raise DataError(
            path.name,
            str(path.parent),
            f"not a whole safetensors file ({error}); copy it again",
        ) from error
    with file as opened:
        yield opened


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """`write(temporary path)`, then a rename: under its own name the file is always whole.

    The temporary name is in the same folder, because a rename across file systems is a copy, and
    the process's own, because a lost attempt may still write while the next one does.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write(partial)
        _to_disk(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _to_disk(path.parent)


def write_text_atomically(path: Path, text: str) -> None:
    """The same for a text."""
    write_atomically(path, lambda partial: _write_text(partial, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _to_disk(path: Path) -> None:
    """Without it a rename can reach the disk before the bytes that it names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
