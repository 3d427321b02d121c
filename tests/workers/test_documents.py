"""Held out or trained on: by content and seed alone, copies on one side."""

import random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.source import Source
from workers.documents import Measured, document_text
from workers.sources import Item

TEXT = Source(name="web", kind="pretrain", files=("a.jsonl",), text="{{ text }}")
CHAT = Source(name="chat", kind="sft", files=("a.jsonl",), prompt="{{ q }}", response="{{ a }}")
HUNDRED = [Item("", f"document {i}") for i in range(100)]


class Split(NamedTuple):
    """The documents themselves, where Positions has their places."""

    training: list[Item]
    held_out: list[Item]
    is_all_held_out: bool


def split_documents(source: Source, items: list[Item], data_seed: int) -> Split:
    measured = Measured(source, data_seed)
    for item in items:
        measured.add(item)
    positions = measured.split()
    training, held_out = ([items[place] for place in places] for places in positions)
    return Split(training, held_out, positions.is_all_held_out)


def test_a_twentieth_of_the_documents_is_held_out_and_none_is_lost() -> None:
    split = split_documents(TEXT, HUNDRED, data_seed=0)
    assert (len(split.training), len(split.held_out)) == (95, 5)
    assert sorted(split.training + split.held_out) == sorted(HUNDRED)


def test_at_least_one_document_is_held_out() -> None:
    split = split_documents(TEXT, HUNDRED[:2], data_seed=0)
    assert (len(split.training), len(split.held_out)) == (1, 1)
    assert not split.is_all_held_out


@given(
    st.lists(st.sampled_from(HUNDRED), min_size=2, max_size=150),
    st.integers(0, 5),
    st.integers(0, 10**6),
)
def test_the_order_of_the_file_does_not_matter_and_copies_stay_together(
    items: list[Item], data_seed: int, shuffle: int
) -> None:
    split = split_documents(TEXT, items, data_seed)
    turned = items.copy()
    random.Random(shuffle).shuffle(turned)
    assert split_documents(TEXT, turned, data_seed) == split
    if split.is_all_held_out:
        assert len(set(items)) == 1
    else:
        assert not set(split.training) & set(split.held_out)
        assert sorted(split.training + split.held_out) == sorted(items)


def test_copies_of_one_document_are_all_there_is() -> None:
    assert split_documents(TEXT, [HUNDRED[0]] * 40, data_seed=0).is_all_held_out


def test_another_seed_holds_out_other_documents_in_another_order() -> None:
    splits = [split_documents(TEXT, HUNDRED, data_seed) for data_seed in range(4)]
    assert len({tuple(split.held_out) for split in splits}) == 4
    assert len({tuple(split.training[:3]) for split in splits}) == 4


def test_a_new_document_moves_no_other_but_at_the_border() -> None:
    before = split_documents(TEXT, HUNDRED, data_seed=0)
    after = split_documents(TEXT, [*HUNDRED, Item("", "one more")], data_seed=0)
    assert len(set(before.held_out) ^ set(after.held_out)) <= 2


def test_sft_items_are_all_trained_on() -> None:
    items = [Item(f"question {i}", f"answer {i}") for i in range(40)]
    split = split_documents(CHAT, items, data_seed=0)
    assert (sorted(split.training), split.held_out) == (sorted(items), [])


def test_a_subset_stops_at_the_document_that_fills_it() -> None:
    # Ten bytes each, "é" being two of them: of 25 bytes three documents are begun.
    items = [Item("é" * 2, f"doc{i:03}") for i in range(50)]
    source = CHAT.model_copy(update={"max_bytes": 25})
    assert len(split_documents(source, items, data_seed=0).training) == 3
    exact = CHAT.model_copy(update={"max_bytes": 30})
    assert len(split_documents(exact, items, data_seed=0).training) == 3


def test_a_larger_subset_holds_the_smaller_one() -> None:
    def drawn(max_bytes: int) -> list[Item]:
        source = CHAT.model_copy(update={"max_bytes": max_bytes})
        return split_documents(source, HUNDRED, data_seed=3).training

    assert drawn(400)[: len(drawn(100))] == drawn(100)
    assert drawn(10**9) == split_documents(CHAT, HUNDRED, data_seed=3).training


def test_held_out_documents_are_taken_from_the_subset() -> None:
    source = TEXT.model_copy(update={"max_bytes": 40 * 11})
    split = split_documents(source, HUNDRED, data_seed=0)
    assert len(split.training) + len(split.held_out) in (40, 41)
    assert len(split.held_out) == 2


@pytest.mark.parametrize(
    ("source", "item", "text"),
    [
        (TEXT, Item("", " a text\n"), " a text\n"),
        (CHAT, Item(" Why? ", "So.\n"), "Question: Why?\nAnswer: So."),
    ],
)
def test_a_document_is_counted_as_the_text_that_is_trained_on(
    source: Source, item: Item, text: str
) -> None:
    assert document_text(item, source) == text
