"""Decontamination: 13-grams for long items, whole questions and longest lines for short ones."""

import pytest

from workers.overlap import Overlap, Pair
from workers.sources import Item
from workers.words import question_keys, words_of

# Fifteen words, no two alike.
LONG = "a train leaves the old station at noon and reaches its far goal before midnight falls"


def pairs(
    documents: list[Item], items: list[Item], generated: frozenset[str] = frozenset()
) -> list[Pair]:
    overlap = Overlap({"test": items})
    for position, document in enumerate(documents):
        overlap.add("source", position, document)
    return overlap.pairs(generated)


def found(documents: list[Item], items: list[Item]) -> tuple[set[int], set[int]]:
    """(documents, items) in common."""
    answer = pairs(documents, items)
    if not answer:
        return set(), set()
    (pair,) = answer
    assert (pair.source, pair.benchmark) == ("source", "test")
    return set(pair.documents), set(pair.items)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The CAT, (sat): on 3.5 mats!", ["the", "cat", "sat", "on", "35", "mats"]),
        ("4 + 3 = 7, it's", ["4", "+", "3", "=", "7", "its"]),
        ("大小 of 中", ["大", "小", "of", "中"]),
        ("  ", []),
    ],
)
def test_words_are_lower_case_without_punctuation(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("prompt", "whole", "longest"),
    [
        ("Q: Are pears  FRUIT?\nA:", "are pears fruit", ""),
        ("Question: Question: Are pears fruit?", "are pears fruit", ""),
        (
            "Read this.\nQ: Which of the two is heavier?\nAnswer:",
            "read this which of the two is heavier",
            "which of the two is heavier",
        ),
        # A line of three words is no question of its own.
        ("True or false:\nyes", "true or false yes", ""),
        ("", "", ""),
    ],
)
def test_markers_are_taken_off_a_question(prompt: str, whole: str, longest: str) -> None:
    assert question_keys(prompt) == (whole, longest)


@pytest.mark.parametrize("prompt", ["what is  1?", " What is\n1? ", "WHAT IS 1?"])
def test_case_and_spacing_do_not_hide_a_question(prompt: str) -> None:
    whole, _ = question_keys(prompt)
    assert whole == question_keys("What is 1?")[0]
    assert whole != question_keys("What is 11?")[0]


def test_thirteen_words_in_a_row_are_found_and_twelve_are_not() -> None:
    words = LONG.split()
    item = Item(LONG.upper().replace(" ", ",  "), "x")
    thirteen = Item("", "before " + " ".join(words[:13]) + " after")
    twelve = Item("", "before " + " ".join(words[:12]) + " after " + " ".join(words[12:]))
    assert found([twelve, thirteen], [Item("other", "y"), item]) == ({1}, {1})


def test_a_run_does_not_go_on_from_prompt_to_answer_or_from_document_to_document() -> None:
    words = LONG.split()
    first, second = " ".join(words[:8]), " ".join(words[8:])
    documents = [Item(first, second), Item("", first), Item("", second)]
    assert found(documents, [Item(LONG, "x")]) == (set(), set())
    # The item's own answer is looked for as well.
    assert found([Item("", LONG)], [Item("Why?", LONG)]) == ({0}, {0})


@pytest.mark.parametrize(("num_documents", "is_found"), [(10, True), (11, False)])
def test_a_run_of_more_than_ten_documents_is_a_common_phrase(
    num_documents: int, is_found: bool
) -> None:
    documents = [Item("", f"{LONG} number{i}") for i in range(num_documents)]
    assert bool(pairs(documents, [Item(LONG, "x")])) == is_found


@pytest.mark.parametrize(("num_items", "is_found"), [(10, True), (11, False)])
def test_a_run_of_more_than_ten_items_is_their_instruction(num_items: int, is_found: bool) -> None:
    items = [Item(f"{LONG} {i}", "x") for i in range(num_items)]
    assert bool(pairs([Item("", LONG)], items)) == is_found


def test_a_short_question_is_found_whatever_its_markers_case_and_spacing() -> None:
    items = [Item("Q: Are pears fruit?\nA:", "yes"), Item("Is 2 + 2 four?", "yes")]
    documents = [Item("question: are  pears fruit", "no"), Item("Is 2 - 2 four?", "no")]
    assert found(documents, items) == ({0}, {0})


def test_a_short_question_is_found_as_the_longest_line_on_either_side() -> None:
    question = "Do hamsters provide food for any animals?"
    assert found([Item(question, "yes")], [Item(f"Think first.\nQ: {question}\nA:", "y")]) == (
        {0},
        {0},
    )
    assert found([Item(f"Yes or no.\n{question}", "yes")], [Item(question, "y")]) == ({0}, {0})


def test_generated_pairs_are_compared_by_whole_questions_alone() -> None:
    documents = [Item(f"{LONG} 3", "1"), Item(f"{LONG} 4", "2")]
    items = [Item(f"{LONG} 4", "2")]
    both = frozenset({"source", "test"})
    assert [set(pair.documents) for pair in pairs(documents, items, both)] == [{1}]
    assert [set(pair.documents) for pair in pairs(documents, items, frozenset({"test"}))] == [
        {0, 1}
    ]


def test_no_benchmark_has_nothing_in_common() -> None:
    overlap = Overlap({})
    overlap.add("source", 0, Item("", LONG))
    assert overlap.pairs() == []
