"""Which documents of a source are trained on and which are held out; seeded, by content."""

import hashlib
from typing import NamedTuple

from mixtures.source import Source
from workers.prompt import answer_text, prompt_text
from workers.sources import Item

# Of each pretraining source, by documents: enough to score on, and little lost for training.
HELD_OUT_SHARE = 0.05


class Split(NamedTuple):
    """The documents of one source."""

    training: list[Item]
    held_out: list[Item]


def split_documents(source: Source, items: list[Item], data_seed: int) -> Split:
    """A seeded shuffle, cut to about `max_bytes`; then the held-out documents taken out.

    The order is that of a hash of seed and content, so it does not depend on the order of the
    file. Copies of one document fall on the same side. SFT sources hold nothing out: their
    benchmarks are sets of their own.
    """
    keyed = sorted((_rank(item, data_seed), item) for item in items)
    if source.max_bytes is not None:
        keyed = _cut(keyed, source.max_bytes)
    if source.kind == "sft":
        return Split([item for _, item in keyed], [])
    num_held_out = max(1, round(HELD_OUT_SHARE * len(keyed)))
    last_held_out = keyed[num_held_out - 1][0]
    held_out = [item for rank, item in keyed if rank <= last_held_out]
    training = [item for rank, item in keyed if rank > last_held_out]
    return Split(training or held_out, held_out)


def document_text(item: Item, source: Source) -> str:
    """The whole text of a document, as it is counted and as the tokenizer is trained on it."""
    if source.kind == "pretrain":
        return item.answer
    return prompt_text(item.prompt) + answer_text(item.answer)


def _rank(item: Item, data_seed: int) -> str:
    return hashlib.sha256(f"{data_seed}\0{item.prompt}\0{item.answer}".encode()).hexdigest()


def _cut(keyed: list[tuple[str, Item]], max_bytes: int) -> list[tuple[str, Item]]:
    kept, used = [], 0
    for rank, item in keyed:
        if used >= max_bytes:
            break
        kept.append((rank, item))
        used += len(item.prompt.encode()) + len(item.answer.encode())
    return kept
