"""Which documents of the sources hold items of the benchmarks.

By 13-grams of words, as GPT-3 did it (arXiv 2005.14165, appendix C): a document that shares one
with an item is taken to hold it, but a 13-gram of more than ten documents is a common phrase and
counts for nothing. The same is done for one of more than ten items of a benchmark, which is its
instruction. Items too short for that are found by their question: see workers/words.py.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from workers.words import question_keys, words_of

GRAM_WORDS = 13
COMMON = 10
# Words looked up at once: enough to make numpy's calls cheap.
_BATCH_WORDS = 100_000

Array = np.ndarray[tuple[int], Any]
Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]


class Text(Protocol):
    """A document or an item: a prompt, empty for plain text, and what follows it."""

    @property
    def prompt(self) -> str: ...

    @property
    def answer(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """Documents of one source that hold items of one benchmark, by their positions."""

    source: str
    benchmark: str
    documents: frozenset[int]
    items: frozenset[int]


@dataclass(slots=True)
class _Batch:
    """Documents that wait to be looked up: their word numbers, and where each of them ends."""

    source: str = ""
    positions: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


class Overlap:
    """`add` every document, then ask for the `pairs`. Memory goes with the benchmarks and hits."""

    def __init__(self, benchmarks: Mapping[str, Sequence[Text]]) -> None:
        # 0 stands for a word of no benchmark, and between two texts: no 13-gram goes across it.
        self._numbers: dict[str, int] = {}
        if not benchmarks:
            benchmarks = {"": ()}
        self._owners = [
            (name, position) for name, items in benchmarks.items() for position in range(len(items))
        ]
        self._keys: dict[str, list[int]] = defaultdict(list)
        self._add_keys(benchmarks)
        self._grams, self._first_owner, self._gram_owners = self._index(benchmarks)
        self._batch = _Batch()
        self._gram_hits: list[tuple[str, Ints, Ints]] = []
        self._key_hits: set[tuple[str, int, int]] = set()

    def add(self, source: str, position: int, item: Text) -> None:
        """One document, by its position in its source."""
        for key in question_keys(item.prompt):
            for owner in self._keys.get(key, ()) if key else ():
                self._key_hits.add((source, position, owner))
        batch = self._batch
        if batch.source != source or len(batch.words) > _BATCH_WORDS:
            self._look_up()
            batch = self._batch = _Batch(source)
        get = self._numbers.get
        for text in (item.prompt, item.answer):
            batch.words += [get(word, 0) for word in words_of(text)]
            batch.words.append(0)
        batch.positions.append(position)
        batch.ends.append(len(batch.words))

    def pairs(self, generated: frozenset[str] = frozenset()) -> list[Pair]:
        """All pairs of a source and a benchmark with something in common.

        What one generator makes shares its template's words: between two of `generated` only the
        whole question counts.
        """
        self._look_up()
        self._batch = _Batch()
        documents_of_gram = Counter[int]()
        for _, _, grams in self._gram_hits:
            documents_of_gram.update(grams.tolist())
        found: dict[tuple[str, str], tuple[set[int], set[int]]] = defaultdict(
            lambda: (set(), set())
        )

        def add(source: str, document: int, owner: int, by_gram: bool) -> None:
            benchmark, item = self._owners[owner]
            if by_gram and source in generated and benchmark in generated:
                return
            documents, items = found[source, benchmark]
            documents.add(document)
            items.add(item)

        for source, positions, grams in self._gram_hits:
            for position, gram in zip(positions.tolist(), grams.tolist(), strict=True):
                if documents_of_gram[gram] <= COMMON:
                    first, last = self._first_owner[gram : gram + 2]
                    for owner in self._gram_owners[first:last].tolist():
                        add(source, position, owner, True)
        for hit in self._key_hits:
            add(*hit, False)
        return [
            Pair(source, benchmark, frozenset(documents), frozenset(items))
            for (source, benchmark), (documents, items) in sorted(found.items())
        ]

    def _add_keys(self, benchmarks: Mapping[str, Sequence[Text]]) -> None:
        owner = 0
        for items in benchmarks.values():
            lines: dict[str, list[int]] = defaultdict(list)
            for item in items:
                whole, longest = question_keys(item.prompt)
                if whole:
                    self._keys[whole].append(owner)
                if longest:
                    lines[longest].append(owner)
                owner += 1
            for line, owners in lines.items():
                if len(owners) <= COMMON:
                    self._keys[line] += owners

    def _index(self, benchmarks: Mapping[str, Sequence[Text]]) -> tuple[Hashes, Ints, Ints]:
        """(grams, first, owners): the 13-grams of all items, sorted.

        The items that gram g stands in are owners[first[g] : first[g + 1]].
        """
        hashes: list[Hashes] = []
        owners: list[Ints] = []
        num_items = 0
        for items in benchmarks.values():
            numbers: list[int] = []
            ends: list[int] = []
            for item in items:
                for text in (item.prompt, item.answer):
                    for word in words_of(text):
                        numbers.append(self._numbers.setdefault(word, len(self._numbers) + 1))
                    numbers.append(0)
                ends.append(len(numbers))
            found, starts = _gram_hashes(np.array(numbers, dtype=np.int64))
            owner = np.searchsorted(np.array(ends), starts, side="right")
            found, owner = _each_once(found, owner)
            _, place, count = np.unique(found, return_inverse=True, return_counts=True)
            is_telling = count[place] <= COMMON
            hashes.append(found[is_telling])
            owners.append(owner[is_telling] + num_items)
            num_items += len(items)
        all_hashes, all_owners = np.concatenate(hashes), np.concatenate(owners)
        order = np.argsort(all_hashes, kind="stable")
        grams, first = np.unique(all_hashes[order], return_index=True)
        return grams, np.append(first, len(order)), all_owners[order]

    def _look_up(self) -> None:
        batch = self._batch
        if not batch.words or not len(self._grams):
            return
        hashes, starts = _gram_hashes(np.array(batch.words, dtype=np.int64))
        places = np.minimum(np.searchsorted(self._grams, hashes), len(self._grams) - 1)
        is_hit = self._grams[places] == hashes
        if not is_hit.any():
            return
        documents = np.searchsorted(np.array(batch.ends), starts[is_hit], side="right")
        positions = np.array(batch.positions, dtype=np.int64)[documents]
        grams, positions = _each_once(places[is_hit], positions)
        self._gram_hits.append((batch.source, positions, grams))


def _each_once(grams: Array, positions: Ints) -> tuple[Array, Ints]:
    """A 13-gram that stands twice in one text counts once."""
    order = np.lexsort((positions, grams))
    grams, positions = grams[order], positions[order]
    is_new = np.ones(len(grams), dtype=bool)
    is_new[1:] = (grams[1:] != grams[:-1]) | (positions[1:] != positions[:-1])
    return grams[is_new], positions[is_new]


def _gram_hashes(numbers: Ints) -> tuple[Hashes, Ints]:
    """A hash of each run of 13 words of a benchmark, and where it starts."""
    n = len(numbers) - GRAM_WORDS + 1
    if n <= 0:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    mixed = _mixed(numbers.astype(np.uint64))
    hashes = np.zeros(n, dtype=np.uint64)
    for offset in range(GRAM_WORDS):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + mixed[offset : offset + n]
    breaks = np.concatenate([[0], np.cumsum(numbers == 0)])
    starts = np.flatnonzero(breaks[GRAM_WORDS:] == breaks[:-GRAM_WORDS])
    return hashes[starts], starts


def _mixed(numbers: Hashes) -> Hashes:
    """Splitmix64's finaliser: neighbouring numbers become unlike ones."""
    z = numbers * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
