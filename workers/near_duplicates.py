"""Documents of the SFT sources that say nearly the same: the first is kept.

MinHash (Broder 1997) over runs of three words, by the datasketch library: the share of equal
values in two signatures estimates the Jaccard similarity of their documents. Candidates are found
by bands of the signatures (locality-sensitive hashing), sorted in numpy, which takes a tenth of the
memory of the library's own index. The Xmodel-2 report gained 1.7 % by near-deduplication of its
SFT data (arXiv 2412.19638, section 2.3).

Prompt and response together must be similar, and the responses alone: two questions about one long
passage are two items. And the numbers must be the same: sums from one template say nearly the same
words, and are other sums.
"""

import re
import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from datasketch import MinHash

from workers.sources import Item
from workers.words import words_of

SIMILARITY = 0.8
SHINGLE_WORDS = 3
# 16 bands of 4: a pair at 0.8 is found with probability .9998, one at 0.5 is looked at with .64.
_BANDS, _ROWS = 16, 4
# Of the response alone; a response of one or two words must be the same.
_RESPONSE_VALUES = 32
# In a band that very many share each document is compared with this many of the first.
_COMPARED = 50
_NUMBER = re.compile(r"\d+")

Signatures = np.ndarray[tuple[int, int], np.dtype[np.uint32]]
Pairs = np.ndarray[tuple[int, int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A document that nearly repeats another one, which comes first and is kept."""

    source: str
    position: int
    of_source: str


class NearDuplicates:
    """`add` every document in order, then ask for the `duplicates`; half a kilobyte a document."""

    def __init__(self) -> None:
        self._whole, self._response = (
            MinHash(num_perm=size, seed=1, hashfunc=_identity, scheme="affine32")
            for size in (_BANDS * _ROWS, _RESPONSE_VALUES)
        )
        self._signatures: list[bytes] = []
        self._numbers: list[int] = []
        self._sources: list[tuple[str, int]] = []
        self._positions: list[int] = []

    def add(self, source: str, position: int, item: Item) -> None:
        """One document, by its position in its source; all of a source one after the other."""
        # A text of signs alone has no words: it is compared as it stands.
        response = words_of(item.answer) or [item.answer]
        words = [*words_of(item.prompt), *response]
        self._signatures.append(
            _signature(self._whole, words) + _signature(self._response, response)
        )
        numbers = [*_NUMBER.findall(item.prompt), "|", *_NUMBER.findall(item.answer)]
        self._numbers.append(zlib.crc32(" ".join(numbers).encode()))
        if not self._sources or self._sources[-1][0] != source:
            self._sources.append((source, len(self._positions)))
        self._positions.append(position)

    def duplicates(self, left_out: frozenset[tuple[str, int]]) -> list[Duplicate]:
        """In order. `left_out` are (source, position) that are gone already: nobody's first."""
        signatures: Signatures = np.frombuffer(b"".join(self._signatures), dtype=np.uint32)
        signatures = signatures.reshape(-1, _BANDS * _ROWS + _RESPONSE_VALUES)
        pairs = self._similar(signatures)
        is_gone = {index for index in np.unique(pairs).tolist() if self._name(index) in left_out}
        found: list[Duplicate] = []
        for first, later in pairs.tolist():
            if first not in is_gone and later not in is_gone:
                is_gone.add(later)
                source, position = self._name(later)
                found.append(Duplicate(source, position, self._name(first)[0]))
        return found

    def _similar(self, signatures: Signatures) -> Pairs:
        """(first, later) of all pairs that are similar, in order of the later one."""
        numbers = np.array(self._numbers, dtype=np.uint32)[:, None]
        seen = [np.empty((0, 2), dtype=np.int64)]
        for band in range(_BANDS):
            rows = np.hstack([numbers, signatures[:, band * _ROWS : (band + 1) * _ROWS]])
            candidates = _sharing(rows)
            equal = signatures[candidates[:, 0]] == signatures[candidates[:, 1]]
            whole, response = np.split(equal, [_BANDS * _ROWS], axis=1)
            is_similar = np.minimum(whole.mean(axis=1), response.mean(axis=1)) >= SIMILARITY
            seen.append(candidates[is_similar])
        pairs = np.unique(np.concatenate(seen), axis=0)
        return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]

    def _name(self, index: int) -> tuple[str, int]:
        source = next(name for name, first in reversed(self._sources) if first <= index)
        return source, self._positions[index]


def count_by_pair(duplicates: list[Duplicate]) -> Counter[tuple[str, str]]:
    """How many documents of a source repeat one of another (or the same) source."""
    return Counter((one.source, one.of_source) for one in duplicates)


def _identity(value: int) -> int:
    return value


def _signature(minhash: MinHash, words: list[str]) -> bytes:
    minhash.clear()
    minhash.update_batch(_shingles(words))
    values: bytes = minhash.digest().tobytes()
    return values


def _shingles(words: list[str]) -> list[int]:
    """One number for each distinct run of three words; of a shorter text, for the whole of it."""
    if len(words) < SHINGLE_WORDS:
        return [zlib.crc32(" ".join(words).encode())]
    numbers = np.array([zlib.crc32(word.encode()) for word in words], dtype=np.uint64)
    n = len(words) - SHINGLE_WORDS + 1
    runs = np.zeros(n, dtype=np.uint64)
    for offset in range(SHINGLE_WORDS):
        runs = (runs * np.uint64(0x9E3779B97F4A7C15)) ^ numbers[offset : offset + n]
    found: list[int] = np.unique(runs >> np.uint64(32)).tolist()
    return found


def _sharing(rows: Signatures) -> Pairs:
    """(first, later) of documents with equal rows."""
    order = np.lexsort(rows.T)
    ordered = rows[order]
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(is_new)
    ends = np.append(starts[1:], len(rows))
    pairs: list[Pairs] = [np.empty((0, 2), dtype=np.int64)]
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        group = np.sort(order[start:end])
        for i, first in enumerate(group[:_COMPARED]):
            later = group[i + 1 :]
            pairs.append(np.stack([np.full_like(later, first), later], axis=1))
    return np.concatenate(pairs)
