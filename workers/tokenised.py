"""A source as tokens: tokenised and packed once, then memory-mapped by every trial.

Documents are joined by the end token into one line of tokens; sequence i is the window of
context_tokens + 1 from i * context_tokens on, so that every token is a target exactly once.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from mixtures.source import Source
from workers.files import DataError
from workers.prompt import answer_text, prompt_text
from workers.sources import Item
from workers.tokenizer import END_ID

Tokens = np.ndarray[tuple[int], np.dtype[np.int32]]
Sequences = np.ndarray[tuple[int, int], np.dtype[np.int64]]

# Tokenised at once: enough to keep the tokenizer's threads busy, little enough for memory.
_DOCUMENTS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class TokenisedSource:
    """Tokens of one source's training documents; `sequences(indices)` are packed windows."""

    tokens: Tokens
    context_tokens: int

    @property
    def num_sequences(self) -> int:
        return (len(self.tokens) - 1) // self.context_tokens

    def sequences(self, indices: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Sequences:
        """Windows as int64 (len(indices), context_tokens + 1)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.tokens, self.context_tokens + 1)
        return windows[indices * self.context_tokens].astype(np.int64)


def write_tokenised(
    folder: Path,
    source: Source,
    items: list[Item],
    tokenizer: Tokenizer,
    context_tokens: int,
    end_id: int = END_ID,
) -> None:
    """`tokens.npy` and `about.json`; raises DataError where the source fills no sequence."""
    parts: list[Tokens] = []
    for start in range(0, len(items), _DOCUMENTS_AT_ONCE):
        parts += _tokenise(items[start : start + _DOCUMENTS_AT_ONCE], source, tokenizer, end_id)
    tokens = np.concatenate(parts)
    if len(tokens) <= context_tokens:
        raise DataError(
            f"sources.{source.name}",
            source.name,
            f"its training documents hold {len(tokens)} tokens; expected more than one context "
            f"of {context_tokens}",
        )
    np.save(folder / "tokens.npy", tokens)
    about = {"source": source.name, "num_documents": len(items), "num_tokens": len(tokens)}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def read_tokenised(folder: Path, context_tokens: int) -> TokenisedSource:
    """Memory-mapped: workers on one machine share the pages."""
    return TokenisedSource(np.load(folder / "tokens.npy", mmap_mode="r"), context_tokens)


def _tokenise(items: list[Item], source: Source, tokenizer: Tokenizer, end_id: int) -> list[Tokens]:
    """The tokens of each document, its end token included. Prompt and answer apart."""
    if source.kind == "pretrain":
        encoded = tokenizer.encode_batch([item.answer for item in items])
        return [np.array([*text.ids, end_id], dtype=np.int32) for text in encoded]
    prompts = tokenizer.encode_batch([prompt_text(item.prompt) for item in items])
    answers = tokenizer.encode_batch([answer_text(item.answer) for item in items])
    return [
        np.array([*prompt.ids, *answer.ids, end_id], dtype=np.int32)
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
