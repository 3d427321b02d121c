"""The stream: exact shares, every sequence once an epoch, common order, resumable."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.stream import SourceChooser, Stream
from workers.tokenised import TokenisedSource

CONTEXT = 4

# Whole parts per thousand; a source may have none of the mixture, or one in a thousand.
PARTS = st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(lambda parts: sum(parts) > 0)


def make_source(first_token: int, num_sequences: int) -> TokenisedSource:
    """Every token is another number, so that a row tells its source and its place."""
    tokens = np.arange(first_token, first_token + num_sequences * CONTEXT + 1, dtype=np.int32)
    return TokenisedSource(tokens, CONTEXT)


def make_sources(*sizes: int) -> dict[str, TokenisedSource]:
    """Source "a" has sequences from token 0 on, "b" from 10,000 on and so on."""
    return {
        name: make_source(10_000 * index, size)
        for index, (name, size) in enumerate(zip("abcdef", sizes, strict=False))
    }


def read(stream: Stream, num_sequences: int) -> list[tuple[str, int]]:
    """(source, index of the sequence) of the next sequences."""
    rows = stream.next_batch(num_sequences)
    return [("abcdef"[row[0] // 10_000], int(row[0] % 10_000) // CONTEXT) for row in rows]


def order_of(source: str, given: list[tuple[str, int]]) -> list[int]:
    return [index for name, index in given if name == source]


@settings(deadline=None, max_examples=60)
@given(parts=PARTS, length=st.integers(1, 300))
def test_every_source_is_within_one_sequence_of_its_share_at_any_time(
    parts: list[int], length: int
) -> None:
    total = sum(parts)
    names = [f"s{index}" for index in range(len(parts))]
    chooser = SourceChooser({n: part / total for n, part in zip(names, parts, strict=True)})
    counts = dict.fromkeys(names, 0)
    for n in range(1, length + 1):
        counts[chooser.choose(counts)] += 1
        for name, part in zip(names, parts, strict=True):
            # The shares were rounded to floats: a billionth covers that.
            deviation = abs(Fraction(n * part, total) - counts[name])
            assert deviation <= 1 + Fraction(1, 10**9)


def test_a_chosen_order_by_hand() -> None:
    # Halves alternate; the name breaks the tie.
    chooser = SourceChooser({"b": 0.5, "a": 0.5})
    counts = {"a": 0, "b": 0}
    order = []
    for _ in range(6):
        order.append(chooser.choose(counts))
        counts[order[-1]] += 1
    assert "".join(order) == "ababab"


def test_a_quarter_comes_once_in_any_four_from_the_start() -> None:
    chooser = SourceChooser({"rare": 0.25, "often": 0.75})
    counts = {"rare": 0, "often": 0}
    order = []
    for _ in range(16):
        order.append(chooser.choose(counts))
        counts[order[-1]] += 1
    for start in range(0, 16, 4):
        assert order[start : start + 4].count("rare") == 1


def test_a_source_without_share_is_never_read() -> None:
    stream = Stream(make_sources(5, 5), {"a": 1.0, "b": 0.0}, seed=0)
    assert {name for name, _ in read(stream, 20)} == {"a"}
    assert stream.counts == {"a": 20}


@settings(deadline=None, max_examples=40)
@given(
    size=st.integers(1, 40),
    seed=st.integers(0, 1000),
    num_epochs=st.integers(1, 3),
    share=st.sampled_from([0.1, 0.5, 0.9, 1.0]),
)
def test_every_sequence_is_read_once_before_any_is_read_twice(
    size: int, seed: int, num_epochs: int, share: float
) -> None:
    stream = Stream(make_sources(size, 7), {"a": share, "b": 1 - share}, seed)
    given_so_far: list[tuple[str, int]] = []
    while stream.counts["a"] < size * num_epochs:
        given_so_far += read(stream, 1)
    order = order_of("a", given_so_far)
    for epoch in range(num_epochs):
        assert sorted(order[epoch * size : (epoch + 1) * size]) == list(range(size))
    assert stream.epochs()["a"] == num_epochs


def test_epochs_are_ordered_differently() -> None:
    order = order_of("a", read(Stream(make_sources(30), {"a": 1.0}, seed=0), 60))
    assert order[:30] != order[30:]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), one=st.floats(0.05, 0.95), other=st.floats(0.05, 0.95))
def test_in_one_seed_block_a_source_is_read_in_one_order_whatever_the_mixture(
    seed: int, one: float, other: float
) -> None:
    def orders(share: float) -> dict[str, list[int]]:
        stream = Stream(make_sources(13, 9), {"a": share, "b": 1 - share}, seed)
        given_now = read(stream, 40)
        return {name: order_of(name, given_now) for name in "ab"}

    first, second = orders(one), orders(other)
    for name in "ab":
        shared = min(len(first[name]), len(second[name]))
        assert shared >= 1
        assert first[name][:shared] == second[name][:shared]


def test_another_seed_reads_in_another_order() -> None:
    orders = [read(Stream(make_sources(30), {"a": 1.0}, seed), 30) for seed in range(5)]
    assert len({tuple(order) for order in orders}) == 5


@settings(deadline=None, max_examples=40)
@given(before=st.integers(1, 60), after=st.integers(1, 40), seed=st.integers(0, 100))
def test_a_stream_that_is_resumed_from_its_counts_gives_the_same_rest(
    before: int, after: int, seed: int
) -> None:
    sources, shares = make_sources(11, 6, 3), {"a": 0.6, "b": 0.3, "c": 0.1}
    options: dict[str, Any] = {"subsets": {"a": 5}, "data_seed": 2}
    whole = Stream(sources, shares, seed, **options)
    whole.next_batch(before)
    counts = dict(whole.counts)
    resumed = Stream(sources, shares, seed, counts=counts, **options)
    assert np.array_equal(resumed.next_batch(after), whole.next_batch(after))
    assert resumed.counts == whole.counts


def test_batches_of_any_size_cut_one_sequence_of_rows() -> None:
    sources, shares = make_sources(11, 6), {"a": 0.7, "b": 0.3}
    one = Stream(sources, shares, 5)
    other = Stream(sources, shares, 5)
    apart = np.concatenate([one.next_batch(size) for size in (1, 2, 5)])
    assert np.array_equal(apart, other.next_batch(8))
    assert apart.shape == (8, CONTEXT + 1)
    assert apart.dtype == np.int64


def test_a_row_is_a_window_of_the_source() -> None:
    row = Stream(make_sources(1), {"a": 1.0}, 0).next_batch(1)[0]
    assert row.tolist() == [0, 1, 2, 3, 4]


def test_a_subset_is_drawn_by_the_data_seed_and_ordered_by_the_seed() -> None:
    def subset(seed: int, data_seed: int) -> list[int]:
        stream = Stream(make_sources(100), {"a": 1.0}, seed, subsets={"a": 10}, data_seed=data_seed)
        return order_of("a", read(stream, 20))

    base = subset(seed=0, data_seed=0)
    assert len(set(base)) == 10
    assert sorted(base[:10]) == sorted(base[10:])
    assert set(subset(seed=1, data_seed=0)) == set(base)
    assert subset(seed=1, data_seed=0) != base
    assert set(subset(seed=0, data_seed=1)) != set(base)


@pytest.mark.parametrize("subset", [5, 6, None])
def test_a_subset_that_holds_all_is_the_source_itself(subset: int | None) -> None:
    subsets = {} if subset is None else {"a": subset}
    stream = Stream(make_sources(5), {"a": 1.0}, 0, subsets=subsets, data_seed=9)
    assert read(stream, 5) == read(Stream(make_sources(5), {"a": 1.0}, 0), 5)
    assert stream.epochs() == {"a": 1.0}
