"""Near-duplicates of SFT items: inside and across sources, told from items of one template."""

import numpy as np

from workers.near_duplicates import Duplicate, NearDuplicates
from workers.sources import Item

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe") for b in "abcdefghijklmnopqrst"]


def text(seed: int, size: int = 60) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, size=size))


def duplicates(
    *sources: list[Item], left_out: frozenset[tuple[str, int]] = frozenset()
) -> list[tuple[str, int, str]]:
    """(source, position, of) with sources named a, b and so on."""
    near = NearDuplicates()
    for name, items in zip("abc", sources, strict=False):
        for position, item in enumerate(items):
            near.add(name, position, item)
    found: list[Duplicate] = near.duplicates(left_out)
    return [(one.source, one.position, one.of_source) for one in found]


def test_a_copy_with_another_word_case_and_punctuation_repeats_the_first() -> None:
    first = Item(text(1), text(2))
    words = first.prompt.split()
    other = Item(", ".join(["new", *words[1:]]).upper(), first.answer + "!")
    assert duplicates([Item(text(3), text(4)), first, other]) == [("a", 2, "a")]


def test_a_copy_in_a_later_source_is_found_there() -> None:
    item = Item(text(1), text(2))
    assert duplicates([Item(text(3), "no"), item], [item, Item(text(4), "no")]) == [("b", 0, "a")]


def test_half_the_words_in_common_are_no_copy() -> None:
    shared = text(1, 60)
    items = [Item(f"{shared} {text(seed, 60)}", "yes") for seed in range(2, 40)]
    assert duplicates(items) == []


def test_two_questions_about_one_passage_are_two_items() -> None:
    passage = text(1, 300)
    items = [Item(f"{passage} Who came?", "Anna"), Item(f"{passage} Who left?", "Bert")]
    assert duplicates(items) == []
    assert duplicates([items[0], Item(items[1].prompt, "anna.")]) == [("a", 1, "a")]


def test_sums_of_one_template_with_other_numbers_are_other_sums() -> None:
    items = [Item(f"{text(1)} What is {i} plus {i}?", "It is even.") for i in range(30)]
    assert duplicates(items) == []
    assert duplicates([*items, items[7]]) == [("a", 30, "a")]


def test_of_many_copies_the_first_is_kept_and_what_is_left_out_is_nobodys_first() -> None:
    item = Item(text(1), text(2))
    assert duplicates([item] * 120) == [("a", i, "a") for i in range(1, 120)]
    assert duplicates([item] * 3, left_out=frozenset({("a", 0)})) == [("a", 2, "a")]


def test_texts_without_words_are_compared_as_they_stand() -> None:
    assert duplicates([Item("", "?!"), Item("", "!!"), Item("", "?!")]) == [("a", 2, "a")]


def test_no_document_at_all_repeats_nothing() -> None:
    assert duplicates() == []
