"""Tokens on the disk: written as the documents come, then put in the order of the stream.

Memory holds one chunk of documents, never a source. What is written survives a kill: lengths are
written after their tokens, so whatever a length stands for is whole, and the rest is cut off.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_WRITTEN_AT_ONCE = 1 << 20
# Of each document: tokens of its prompt, and all of its tokens.
_LENGTHS = np.dtype(("<u4", 2))

Order = np.ndarray[tuple[int], np.dtype[np.int64]]


class TokenFile:
    """`append` documents, then `finish` into .npy files. Goes on from what is in the folder."""

    def __init__(self, folder: Path, vocab_size: int, has_responses: bool) -> None:
        """16 bits a token where these are enough."""
        self._type = np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")
        self._has_responses = has_responses
        self._tokens, self._lengths = folder / "tokens.part", folder / "lengths.part"
        lengths = self._kept()
        self.num_documents = len(lengths)
        self._num_tokens = int(lengths[:, 1].sum(dtype=np.int64))

    def append(self, documents: Sequence[tuple[list[int], list[int]]]) -> None:
        """Each as its prompt's tokens and the rest."""
        parts = [np.array([*prompt, *rest], dtype=self._type) for prompt, rest in documents]
        lengths = np.array([(len(p), len(p) + len(r)) for p, r in documents], dtype="<u4")
        with self._tokens.open("ab") as file:
            file.write(np.concatenate(parts).tobytes())
            _to_disk(file)
        with self._lengths.open("ab") as file:
            file.write(lengths.tobytes())
            _to_disk(file)
        self.num_documents += len(documents)
        self._num_tokens += sum(len(part) for part in parts)

    def finish(self, order: Order, tokens: Path, responses: Path) -> int:
        """Write the documents in `order`; returns the number of tokens. Removes its own files."""
        lengths = np.fromfile(self._lengths, dtype=_LENGTHS) if len(order) else _no_lengths()
        ends = np.cumsum(lengths[:, 1].astype(np.int64)) * self._type.itemsize
        descriptor = os.open(self._tokens, os.O_RDONLY | os.O_CREAT)
        try:
            with _npy(tokens, self._type, self._num_tokens) as out:
                for i in order.tolist():
                    size = int(lengths[i, 1]) * self._type.itemsize
                    out.write(_read_exactly(descriptor, size, int(ends[i]) - size))
                _to_disk(out)
        finally:
            os.close(descriptor)
        if self._has_responses:
            with _npy(responses, np.dtype(bool), self._num_tokens) as out:
                for prompt, total in lengths[order].tolist():
                    out.write(b"\0" * prompt + b"\1" * (total - prompt))
                _to_disk(out)
        self._tokens.unlink(missing_ok=True)
        self._lengths.unlink(missing_ok=True)
        return self._num_tokens

    def _kept(self) -> np.ndarray[tuple[int, int], Any]:
        """The lengths of the whole documents in the folder, all else cut off."""
        if not self._lengths.exists() or not self._tokens.exists():
            self._tokens.unlink(missing_ok=True)
            self._lengths.unlink(missing_ok=True)
            return _no_lengths()
        size = self._lengths.stat().st_size
        os.truncate(self._lengths, size - size % _LENGTHS.itemsize)
        lengths = np.fromfile(self._lengths, dtype=_LENGTHS)
        num_bytes = int(lengths[:, 1].sum(dtype=np.int64)) * self._type.itemsize
        if self._tokens.stat().st_size < num_bytes:
            # Cannot be after a kill; after a loss of power, on a disk that lies, it can.
            os.truncate(self._lengths, 0)
            os.truncate(self._tokens, 0)
            return _no_lengths()
        os.truncate(self._tokens, num_bytes)
        return lengths


def _no_lengths() -> np.ndarray[tuple[int, int], Any]:
    return np.empty((0, 2), dtype="<u4")


def _npy(path: Path, kind: np.dtype[Any], size: int) -> BinaryIO:
    """A new .npy file of one dimension, its header written; not mapped, which would be memory."""
    file = path.open("wb", buffering=_WRITTEN_AT_ONCE)
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (size,)}
    np.lib.format.write_array_header_1_0(file, header)
    return file


def _read_exactly(descriptor: int, size: int, offset: int) -> bytes:
    raw = os.pread(descriptor, size, offset)
    if len(raw) != size:
        raise OSError(f"{size} bytes of tokens expected, {len(raw)} read")
    return raw


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
