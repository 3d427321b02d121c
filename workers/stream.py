"""The training stream: exact shares, deterministic order, resumable at any sequence.

- After any number of sequences every source is within one sequence of its share: sources are
  picked by Tijdeman's rule for the chairman assignment problem (Discrete Mathematics 32, 1980),
  whose deviation is at most 1 - 1 / (2k - 2) for k sources.
- Every sequence of a source is read once before any is read twice.
- In one seed block all trials read a source in the same order, whatever the mixture (common
  random numbers): the order depends on seed, source and epoch alone.
"""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from mixtures.recipe import LossOn
from workers.tokenised import Sequences, TokenisedSource

Flags = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
Indices = np.ndarray[tuple[int], np.dtype[np.int64]]


class SourceChooser:
    """Which source the next sequence comes from, in exact arithmetic."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        """`shares` sum to 1 but for rounding; sources with share 0 are never read."""
        total = sum((Fraction(share) for share in shares.values()), Fraction(0))
        self.shares = {
            name: Fraction(share) / total for name, share in sorted(shares.items()) if share > 0
        }
        k = len(self.shares)
        self._slack = 1 - Fraction(1, 2 * k - 2) if k > 1 else Fraction(0)

    def choose(self, counts: Mapping[str, int]) -> str:
        """The next source, given how many sequences each has given so far.

        Of those that would not run ahead, the one whose share falls due first.
        """
        n = sum(counts.values()) + 1
        due = {}
        for name, share in self.shares.items():
            if share * n - counts[name] >= 1 - self._slack:
                due[name] = (self._slack + counts[name]) / share
        return min(due, key=lambda name: (due[name], name))


class SourceOrder:
    """The order in which one source's sequences are read: a new permutation every epoch."""

    def __init__(self, name: str, num_sequences: int, subset: int | None, seeds: tuple[int, int]):
        """`subset` sequences are read, drawn by the first of `seeds`; the second orders them."""
        self.name, (subset_seed, self.order_seed) = name, seeds
        self.pool: Indices = np.arange(num_sequences, dtype=np.int64)
        if subset is not None and subset < num_sequences:
            generator = named_generator("subset", name, subset_seed)
            self.pool = np.sort(generator.permutation(num_sequences)[:subset])
        self._epoch = -1
        self._permutation = self.pool

    def __getitem__(self, position: int) -> int:
        """The index of the sequence read at `position`, counted over all epochs."""
        epoch, offset = divmod(position, len(self.pool))
        if epoch != self._epoch:
            generator = named_generator("order", self.name, self.order_seed, epoch)
            self._permutation, self._epoch = generator.permutation(self.pool), epoch
        return int(self._permutation[offset])


class Batch(NamedTuple):
    """`tokens` int64 (B, T + 1); `is_counted` bool (B, T): which targets the loss is on, or all."""

    tokens: Sequences
    is_counted: Flags | None


class Stream:
    """Batches of packed sequences. `counts` (sequences given by each source) is all its state."""

    def __init__(
        self,
        sources: Mapping[str, TokenisedSource],
        shares: Mapping[str, float],
        seed: int,
        *,
        subsets: Mapping[str, int] | None = None,
        data_seed: int = 0,
        counts: Mapping[str, int] | None = None,
        loss_on: LossOn = "all",
    ) -> None:
        """`subsets` caps the sequences of a source; `counts` resumes an earlier stream."""
        self.loss_on = loss_on
        self.chooser = SourceChooser(shares)
        self.sources = {name: sources[name] for name in self.chooser.shares}
        self.orders = {
            name: SourceOrder(
                name, source.num_sequences, (subsets or {}).get(name), (data_seed, seed)
            )
            for name, source in self.sources.items()
        }
        self.counts = {name: (counts or {}).get(name, 0) for name in self.sources}

    def next_batch(self, num_sequences: int) -> Sequences:
        """int64 (num_sequences, context_tokens + 1)."""
        return self.next_counted_batch(num_sequences).tokens

    def next_counted_batch(self, num_sequences: int) -> Batch:
        """The same, with what its loss is on."""
        rows, counted = [], []
        for _ in range(num_sequences):
            name = self.chooser.choose(self.counts)
            source, index = self.sources[name], np.array([self.orders[name][self.counts[name]]])
            rows.append(source.sequences(index)[0])
            if self.loss_on == "response":
                counted.append(source.response_targets(index)[0])
            self.counts[name] += 1
        return Batch(np.stack(rows), np.stack(counted) if counted else None)

    def epochs(self) -> dict[str, float]:
        """How many times each source was read so far."""
        return {name: n / len(self.orders[name].pool) for name, n in self.counts.items()}


def named_generator(*names: str | int) -> np.random.Generator:
    """A generator seeded by its names: every draw in the project has a seed that can be named."""
    digest = hashlib.sha256("\0".join(str(name) for name in names).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
