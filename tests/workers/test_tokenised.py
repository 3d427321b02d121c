"""Packed tokens: every token a target exactly once, documents with their end between them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.source import Source
from tests.workers.byte_tokenizer import byte_tokenizer
from workers.files import DataError
from workers.sources import Item
from workers.tokenised import TokenisedSource, read_tokenised, write_tokenised
from workers.tokenizer import END_ID

TEXT = Source(name="web", kind="pretrain", files=("a.jsonl",), text="{{ text }}")
CHAT = Source(name="chat", kind="sft", files=("a.jsonl",), prompt="{{ q }}", response="{{ a }}")


def all_of(source: TokenisedSource) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return source.sequences(np.arange(source.num_sequences))


@given(num_tokens=st.integers(2, 200), context=st.integers(1, 20))
def test_every_token_but_the_first_is_a_target_exactly_once(num_tokens: int, context: int) -> None:
    source = TokenisedSource(np.arange(num_tokens, dtype=np.int32), context)
    if source.num_sequences == 0:
        assert num_tokens <= context
        return
    rows = all_of(source)
    assert rows.shape == (source.num_sequences, context + 1)
    targets = rows[:, 1:].ravel().tolist()
    # All in order, up to a rest that fills no sequence.
    assert targets == list(range(1, len(targets) + 1))
    assert 0 <= num_tokens - 1 - len(targets) < context
    # What stands before each target is the token before it.
    assert (rows[:, :-1] + 1 == rows[:, 1:]).all()


def test_sequences_come_in_the_order_asked_for() -> None:
    source = TokenisedSource(np.arange(9, dtype=np.int32), 4)
    rows = source.sequences(np.array([1, 0, 1]))
    assert rows.tolist() == [[4, 5, 6, 7, 8], [0, 1, 2, 3, 4], [4, 5, 6, 7, 8]]
    assert rows.dtype == np.int64


def test_documents_are_written_end_to_end(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    write_tokenised(tmp_path, TEXT, [Item("", "ab"), Item("", "é")], tokenizer, 4)
    source = read_tokenised(tmp_path, 4)
    assert source.tokens.tolist() == [
        *tokenizer.encode("ab").ids,
        END_ID,
        *tokenizer.encode("é").ids,
        END_ID,
    ]
    assert len(source.tokens) == 2 + 1 + 2 + 1  # one token a byte
    about = json.loads((tmp_path / "about.json").read_text())
    assert about == {"source": "web", "num_documents": 2, "num_tokens": 6}
    assert isinstance(source.tokens, np.memmap)


def test_prompt_and_answer_are_tokenised_apart_and_share_one_end(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    write_tokenised(tmp_path, CHAT, [Item(" What? ", " 7\n")], tokenizer, 4)
    tokens = read_tokenised(tmp_path, 4).tokens.tolist()
    assert tokens[-1] == END_ID
    assert tokens.count(END_ID) == 1
    assert tokenizer.decode(tokens[:-1]) == "Question: What?\nAnswer: 7"


def test_more_documents_than_are_tokenised_at_once_keep_their_order(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    items = [Item("", f"{i}.") for i in range(2345)]
    write_tokenised(tmp_path, TEXT, items, tokenizer, 4)
    tokens = read_tokenised(tmp_path, 4).tokens.tolist()
    text = tokenizer.decode([token for token in tokens if token != END_ID])
    assert text == "".join(item.answer for item in items)


def test_a_source_that_fills_no_sequence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write_tokenised(tmp_path, TEXT, [Item("", "abc")], byte_tokenizer(), 4)
    assert caught.value.field == "sources.web"
    assert "hold 4 tokens; expected more than one context of 4" in caught.value.message
    write_tokenised(tmp_path, TEXT, [Item("", "abcd")], byte_tokenizer(), 4)
    assert read_tokenised(tmp_path, 4).num_sequences == 1
