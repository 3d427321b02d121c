"""Tokens on the disk: the bytes of the documents, in order, resumable, with their responses."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.source import Source
from tests.workers.byte_tokenizer import byte_tokenizer
from workers.files import DataError
from workers.prompt import answer_text, prompt_text
from workers.sources import Item
from workers.tokenised import TokenisedSource, read_tokenised, write_tokenised
from workers.tokenizer import END_ID

TEXT = Source(name="web", kind="pretrain", files=("a.jsonl",), text="{{ text }}")
CHAT = Source(name="chat", kind="sft", files=("a.jsonl",), prompt="{{ q }}", response="{{ a }}")
PAGES = [Item("", f"page {i} " + "x" * (i % 7)) for i in range(40)]
TURNS = [Item(f"ask {i}", "say " * (i % 5 + 1)) for i in range(40)]


@given(num_tokens=st.integers(2, 200), context=st.integers(1, 20))
def test_every_token_but_the_first_is_a_target_exactly_once(num_tokens: int, context: int) -> None:
    source = TokenisedSource(np.arange(num_tokens, dtype=np.int32), context)
    if source.num_sequences == 0:
        assert num_tokens <= context
        return
    rows = source.sequences(np.arange(source.num_sequences))
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


def ids(text: str) -> list[int]:
    return byte_tokenizer().encode(text).ids


def tokens_of(item: Item, source: Source) -> list[int]:
    if source.kind == "pretrain":
        return [*ids(item.answer), END_ID]
    return [*ids(prompt_text(item.prompt)), *ids(answer_text(item.answer)), END_ID]


def written(
    folder: Path, source: Source, items: list[Item], order: list[int], context: int = 8
) -> TokenisedSource:
    folder.mkdir(exist_ok=True)
    write_tokenised(folder, source, enumerate(items), np.array(order), byte_tokenizer())
    return read_tokenised(folder, context, source.name)


@pytest.mark.parametrize(("source", "items"), [(TEXT, PAGES), (CHAT, TURNS)])
def test_documents_stand_in_the_order_asked_for_and_no_other_one_does(
    tmp_path: Path, source: Source, items: list[Item]
) -> None:
    order = [7, 3, 39, 0, 12]
    found = written(tmp_path, source, items, order)
    expected = [token for position in order for token in tokens_of(items[position], source)]
    assert found.tokens.tolist() == expected
    assert found.about is not None
    assert found.about.num_documents == 5
    # Of a byte tokenizer all but the end tokens are one byte each.
    assert found.about.num_bytes == len(expected) - 5
    assert found.about.bytes_per_token == (len(expected) - 5) / len(expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == (
        ["about.json", "responses.npy", "tokens.npy"]
        if source is CHAT
        else ["about.json", "tokens.npy"]
    )


def test_prompt_and_answer_are_tokenised_apart_and_share_one_end(tmp_path: Path) -> None:
    tokens = written(tmp_path, CHAT, [Item(" What? ", " 7\n")], [0]).tokens.tolist()
    assert tokens[-1] == END_ID
    assert tokens.count(END_ID) == 1
    assert byte_tokenizer().decode(tokens[:-1]) == "Question: What?\nAnswer: 7"


def test_responses_and_their_end_tokens_are_marked(tmp_path: Path) -> None:
    found = written(tmp_path, CHAT, TURNS, [4, 1])
    expected = []
    for position in (4, 1):
        item = TURNS[position]
        expected += [False] * len(ids(prompt_text(item.prompt)))
        expected += [True] * (len(ids(answer_text(item.answer))) + 1)
    assert found.is_response is not None
    assert found.is_response.tolist() == expected
    # Window 1 has the targets 9 to 16.
    assert found.response_targets(np.array([1]))[0].tolist() == expected[9:17]


def test_of_plain_text_every_target_counts(tmp_path: Path) -> None:
    found = written(tmp_path, TEXT, PAGES, [0, 1, 2])
    assert found.response_targets(np.array([0, 1])).all()


def test_ids_of_16_bits_take_two_bytes_and_larger_ones_four(tmp_path: Path) -> None:
    assert written(tmp_path, TEXT, PAGES, [0, 1]).tokens.dtype == np.uint16
    folder = tmp_path / "large"
    folder.mkdir()
    write_tokenised(folder, TEXT, enumerate(PAGES), np.array([0, 1]), byte_tokenizer(), 70_000)
    found = read_tokenised(folder, 8, "web")
    assert found.tokens.dtype == np.uint32
    assert found.tokens[-1] == 70_000


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.mark.parametrize("damage", ["none", "half a length", "tokens without a length"])
def test_a_killed_write_goes_on_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr("workers.tokenised._CHARACTERS_AT_ONCE", 60)
    order = np.random.default_rng(0).permutation(40).tolist()
    whole = written(tmp_path / "whole", CHAT, TURNS, order)

    def until_killed() -> Iterator[tuple[int, Item]]:
        yield from list(enumerate(TURNS))[:25]
        raise Killed

    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.raises(Killed):
        write_tokenised(folder, CHAT, until_killed(), np.array(order), byte_tokenizer())
    assert not (folder / "about.json").exists()
    assert (folder / "lengths.part").stat().st_size > 0
    if damage == "half a length":
        with (folder / "lengths.part").open("ab") as file:
            file.write(b"\1\2\3")
    elif damage == "tokens without a length":
        with (folder / "tokens.part").open("ab") as file:
            file.write(b"\1\2\3\4\5")

    encoded: list[int] = []
    real = byte_tokenizer()

    class Counting:
        def encode_batch_fast(self, texts: list[str]) -> list[object]:
            encoded.append(len(texts))
            return list(real.encode_batch_fast(texts))

        def get_vocab(self, with_added_tokens: bool) -> dict[str, int]:
            return real.get_vocab(with_added_tokens=with_added_tokens)

    write_tokenised(folder, CHAT, enumerate(TURNS), np.array(order), Counting())  # type: ignore[arg-type]
    found = read_tokenised(folder, 8, "chat")
    assert np.array_equal(found.tokens, whole.tokens)
    assert found.is_response is not None and whole.is_response is not None
    assert np.array_equal(found.is_response, whole.is_response)
    assert found.about == whole.about
    # Prompts and answers of the rest alone.
    assert 0 < sum(encoded) < 2 * 25


def test_too_few_tokens_for_a_sequence_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected more than one context of 4096") as caught:
        written(tmp_path, TEXT, PAGES, [0, 1], context=4096)
    assert caught.value.field == "sources.web"


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"cannot be written under the home.*No space left"):
        written(tmp_path, TEXT, PAGES, [0, 1])
