"""The prompt format, which is part of every result: a change of it changes all of them."""

from workers.prompt import answer_text, prompt_text


def test_a_question_and_its_answer_as_they_are_trained_on() -> None:
    assert prompt_text("What is 1 + 1?") + answer_text("2") == "Question: What is 1 + 1?\nAnswer: 2"


def test_space_around_a_field_is_no_part_of_it() -> None:
    assert prompt_text("\n What? \n") == prompt_text("What?")
    assert answer_text("\t2\n") == answer_text("2") == " 2"


def test_lines_and_space_inside_stay() -> None:
    assert answer_text("def f():\n    return 1") == " def f():\n    return 1"
