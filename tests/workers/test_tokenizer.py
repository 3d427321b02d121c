"""The tokenizer: any text comes back unchanged, and the same texts make the same tokenizer."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from workers.tokenizer import END, END_ID, TooLittleText, load_tokenizer, train_tokenizer

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [f"The {i}th text says that {i} times {i} is {i * i}.\n" for i in range(300)]
TEXTS += [f"def f{i}(x):\n    return x + {i}  # naïve, 日本語\n" for i in range(100)]

# Texts of every kind of character; surrogates are no text.
ANY_TEXT = (
    st.text() | st.text(alphabet=st.characters(codec="ascii")) | st.text("ab \n\t\r\x00é日😀")
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 600)


def decode(tokenizer: Tokenizer, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=False)


@given(ANY_TEXT)
def test_any_text_comes_back_unchanged(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text).ids
    assert decode(tokenizer, ids) == text
    # No unknown, no begin and no end stands in a text.
    assert all(2 < one < 600 for one in ids)


@pytest.mark.parametrize(
    "text", ["</s>", "<s>", "<unk>", "a </s> b", "</s></s>", "▁", "Ġ", "\u0120"]
)
def test_a_text_that_spells_a_special_token_is_a_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text).ids
    assert decode(tokenizer, ids) == text
    assert not {0, 1, END_ID} & set(ids)


def test_the_size_is_exact_and_the_special_tokens_come_first(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == 600
    assert [tokenizer.id_to_token(i) for i in range(3)] == ["<unk>", "<s>", END]
    # Every byte has a piece of its own.
    assert sum(len(tokenizer.id_to_token(i)) == 1 for i in range(3, 600)) == 256


def test_what_was_seen_nowhere_costs_a_token_a_byte(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("ʘʘʘ").ids) == 6
    assert len(tokenizer.encode(" times").ids) == 1


def test_the_order_of_the_texts_does_not_matter(tokenizer: Tokenizer) -> None:
    assert train_tokenizer(TEXTS[::-1], 600).to_str() == tokenizer.to_str()


def test_a_longer_word_than_any_is_not_learnt(tokenizer: Tokenizer) -> None:
    blob = "x" * 1001
    again = train_tokenizer([*TEXTS, *[blob] * 50], 600)
    assert again.to_str() == tokenizer.to_str()
    assert decode(again, again.encode(blob).ids) == blob


def test_too_little_text_for_the_vocabulary_is_refused_with_the_size_that_it_has() -> None:
    with pytest.raises(TooLittleText) as caught:
        train_tokenizer(iter(TEXTS), 20_480)
    most = caught.value.most
    assert most is not None
    assert str(caught.value) == (
        f"{sum(map(len, TEXTS)):,} characters of text give {most:,} pieces, not 20,480"
    )
    assert train_tokenizer(TEXTS, most).get_vocab_size() == most
    with pytest.raises(TooLittleText):
        train_tokenizer(TEXTS, most + 1)


def test_two_processes_train_the_same_tokenizer(tokenizer: Tokenizer) -> None:
    code = (
        "import hashlib\n"
        "from tests.workers.test_tokenizer import TEXTS\n"
        "from workers.tokenizer import train_tokenizer\n"
        "text = train_tokenizer(TEXTS, 600).to_str()\n"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    # Another seed of Python's own hashes: the order of a set or a dict must not matter.
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    said = [child.communicate(timeout=120)[0].strip() for child in children]
    assert said == [hashlib.sha256(tokenizer.to_str().encode()).hexdigest()] * 2


def test_a_saved_tokenizer_splits_as_before(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = load_tokenizer(tmp_path)
    assert loaded.get_vocab() == tokenizer.get_vocab()
    for text in TEXTS:
        assert loaded.encode(text).ids == tokenizer.encode(text).ids
