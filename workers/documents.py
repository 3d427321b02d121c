"""Which documents of a source are trained on and which are held out; seeded, by content."""

import hashlib
from array import array
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from mixtures.source import Source
from workers.prompt import answer_text, prompt_text
from workers.sources import Item

# Of each pretraining source, by documents: enough to score on, and little lost for training.
HELD_OUT_SHARE = 0.05
# Of a large source no more than this, in bytes: scoring draws a few hundred windows of it.
HELD_OUT_BYTES = 4_000_000

Places = np.ndarray[tuple[int], np.dtype[np.int64]]


class Positions(NamedTuple):
    """The documents of one source by their positions in it, in the order in which they are used."""

    training: Places
    held_out: Places

    @property
    def is_all_held_out(self) -> bool:
        """True where one document, or copies of one, is all there is: it is trained on as well."""
        return self.training is self.held_out


class Measured:
    """Rank and size of each document: all that splitting needs to know, in 16 bytes of memory."""

    def __init__(self, source: Source, data_seed: int) -> None:
        self._source, self._data_seed = source, data_seed
        self._ranks, self._bytes, self._characters = array("Q"), array("I"), array("I")

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, item: Item) -> None:
        """The next document of the source."""
        text = f"{self._data_seed}\0{item.prompt}\0{item.answer}".encode()
        self._ranks.append(int.from_bytes(hashlib.sha256(text).digest()[:8], "big"))
        self._bytes.append(len(item.prompt.encode()) + len(item.answer.encode()))
        self._characters.append(len(document_text(item, self._source)))

    @property
    def num_bytes(self) -> Places:
        """Of prompt and answer of each document."""
        return np.array(self._bytes, dtype=np.int64)

    @property
    def num_characters(self) -> Places:
        """Of the whole text of each document, as the tokenizer sees it."""
        return np.array(self._characters, dtype=np.int64)

    def are_all_one(self, left_out: Collection[int] = ()) -> bool:
        """Whether the documents but those at `left_out` are one, or copies of one."""
        kept = (rank for place, rank in enumerate(self._ranks) if place not in left_out)
        first = next(kept, None)
        return first is not None and all(rank == first for rank in kept)

    def split(self, left_out: Collection[int] = ()) -> Positions:
        """A seeded shuffle, cut to about `max_bytes`; then the held-out documents taken out.

        The order is that of a hash of seed and content, so it does not depend on the order of the
        file. Copies of one document fall on the same side. SFT sources hold nothing out: their
        benchmarks are sets of their own.
        """
        ranks = np.array(self._ranks, dtype=np.uint64)
        order = np.argsort(ranks, kind="stable")
        if left_out:
            order = order[~np.isin(order, np.fromiter(left_out, dtype=np.int64))]
        # What stands before a document, in bytes.
        before = np.cumsum(self.num_bytes[order]) - self.num_bytes[order]
        if self._source.max_bytes is not None:
            order = order[before < self._source.max_bytes]
        if self._source.kind == "sft" or not len(order):
            return Positions(order, order[:0])
        share = round(HELD_OUT_SHARE * len(order))
        num_held_out = max(1, min(share, int((before < HELD_OUT_BYTES).sum())))
        is_held_out = ranks[order] <= ranks[order[num_held_out - 1]]
        held_out, training = order[is_held_out], order[~is_held_out]
        return Positions(training if len(training) else held_out, held_out)


def document_text(item: Item, source: Source) -> str:
    """The whole text of a document, as it is counted and as the tokenizer is trained on it."""
    if source.kind == "pretrain":
        return item.answer
    return prompt_text(item.prompt) + answer_text(item.answer)
