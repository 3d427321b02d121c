"""How often sources are read: by hand, and what is warned of."""

import pytest

from mixtures.phases import Decay, FullRun
from mixtures.repetition import (
    Epochs,
    cut_notes,
    epochs_of,
    matched_tokens,
    repetition_notes,
    worst_notes,
)

DECAY = Decay(tokens=1000)
SHARES = {"web": 0.75, "chat": 0.25, "unused": 0.0}
TOKENS = {"web": 3000, "chat": 100, "unused": 50}


def test_without_a_full_run_a_source_is_read_as_often_as_its_tokens_fit_into_its_share() -> None:
    # 750 tokens of 3,000; 250 of 100.
    assert epochs_of(SHARES, DECAY, None, TOKENS) == {
        "web": Epochs(proxy=0.25, full_run=None),
        "chat": Epochs(proxy=2.5, full_run=None),
    }


def test_with_a_full_run_the_proxy_reads_a_source_as_often_as_that_does() -> None:
    full = FullRun(decay_tokens=10_000, unique_tokens={"web": 30_000})
    # 7,500 of 30,000 tokens; of chat its own 100 tokens are 2,500 / 100 = 25 times.
    assert epochs_of(SHARES, DECAY, full, TOKENS) == {
        "web": Epochs(proxy=0.25, full_run=0.25),
        "chat": Epochs(proxy=25.0, full_run=25.0),
    }
    assert matched_tokens(100, DECAY, full, "chat") == 10


def test_files_that_are_too_small_cannot_match_the_full_run() -> None:
    full = FullRun(decay_tokens=10_000, unique_tokens={"chat": 5000})
    found = epochs_of(SHARES, DECAY, full, TOKENS)
    # 500 tokens would match, 100 are there: 250 / 100 against 2,500 / 5,000.
    assert found["chat"] == Epochs(proxy=2.5, full_run=0.5)
    (note,) = repetition_notes({"chat": found["chat"]}, 4.0)
    assert "chat is read 2.5 times by the proxy and 0.5 times in the full run" in note


@pytest.mark.parametrize(
    ("epochs", "max_epochs", "words"),
    [
        (Epochs(proxy=4.1, full_run=None), 4.0, "4.1 times in a trial's decay, more than"),
        (Epochs(proxy=5.0, full_run=5.0), 4.0, "5.0 times in the full run, more than max_epochs"),
        (Epochs(proxy=5.0, full_run=5.0), 5.0, ""),
        (Epochs(proxy=0.5, full_run=0.1), 4.0, ""),
    ],
)
def test_more_than_the_cap_is_warned_of(epochs: Epochs, max_epochs: float, words: str) -> None:
    notes = repetition_notes({"chat": epochs}, max_epochs)
    assert [words in note for note in notes] == ([True] if words else [])


def test_a_source_whose_tokens_are_not_counted_yet_is_left_out() -> None:
    assert epochs_of(SHARES, DECAY, None, {}) == {}


def test_of_many_mixtures_the_one_that_reads_a_source_most_often_is_told() -> None:
    epochs = {
        label: {"chat": Epochs(proxy=often, full_run=often), "web": Epochs(proxy=1, full_run=1)}
        for label, often in (("In paper", 5.0), ("In uniform", 9.0), ("In mixture 1", 2.0))
    }
    (note,) = worst_notes(epochs, 4.0)
    assert note.startswith("In uniform: chat is read 9.0 times in the full run")
    assert note.endswith("Too often in 1 more of 3 mixtures.")
    (alone,) = worst_notes({"In uniform": epochs["In uniform"]}, 4.0)
    assert "more of" not in alone


def test_a_set_of_which_a_few_documents_are_left_is_told() -> None:
    # Of chat's 100 tokens a tenth is left, of web's 3,000 too: 5 documents of 2 tokens, 60 of 5.
    full = FullRun(decay_tokens=10_000)
    (note,) = cut_notes({"web": 3000, "chat": 100}, {"web": 5.0, "chat": 2.0}, DECAY, full)
    assert note.startswith("chat is cut to 10 tokens")
    assert cut_notes(TOKENS, dict.fromkeys(TOKENS, 2.0), DECAY, None) == []
