"""Answers found in texts, by hand."""

import pytest

from workers.answer_match import (
    boxed_match,
    last_answer_match,
    last_boxed,
    normalised,
    normalised_match,
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{2} or \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{{a}{b}}}", "{a}{b}"),
        (r"\boxed{2", None),
        ("2", None),
    ],
)
def test_the_last_box_is_found_by_its_braces(text: str, answer: str | None) -> None:
    assert last_boxed(text) == answer


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (r"thus $\boxed{\dfrac{1}{2}}$", 1),
        (r"thus $\boxed{ \frac{1}{2} }$", 1),
        (r"thus $\boxed{\frac{1}{3}}$", 0),
        ("thus 1/2", 0),
    ],
)
def test_boxes_match_but_for_spacing(text: str, match: int) -> None:
    doc = {"solution": r"Half: $\boxed{\frac{1}{2}}$."}
    assert boxed_match(doc, [text]) == {"exact_match": match}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (" (B)", 1),
        (" (B)\nQ: more", 1),
        ("Let us think. It is 3. So the answer is (B).", 1),
        ("The answer is (A). No, the answer is (B).\n\n", 1),
        ("(A)", 0),
        ("", 0),
    ],
)
def test_the_last_answer_that_is_said_counts(text: str, match: int) -> None:
    assert last_answer_match({"target": "(B)"}, [text]) == {"exact_match": match}


def test_case_articles_and_punctuation_do_not_count() -> None:
    assert normalised("The  Mars-Rover, a test.") == "marsrover test"
    assert normalised_match({"answer": "The Beatles"}, ["beatles."]) == {"exact_match": 1}
    assert normalised_match({"label": "SUPPORTS"}, ["Refutes"]) == {"exact_match": 0}
    assert normalised_match({"label": "SUPPORTS"}, ["[invalid]"]) == {"exact_match": 0}
