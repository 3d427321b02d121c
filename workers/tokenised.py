"""A source as tokens: tokenised and packed once, then memory-mapped by every trial.

Documents are joined by the end token into one line of tokens; sequence i is the window of
context_tokens + 1 from i * context_tokens on, so that every token is a target exactly once.
"""

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Tokenizer

from mixtures.source import Source
from workers.documents import Places, document_text
from workers.files import DataError
from workers.prompt import answer_text, prompt_text
from workers.sources import Item
from workers.token_file import TokenFile
from workers.tokenizer import END_ID

Tokens = np.ndarray[tuple[int], np.dtype[Any]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Sequences = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Indices = np.ndarray[tuple[int], np.dtype[np.int64]]

TOKENS, RESPONSES, ABOUT = "tokens.npy", "responses.npy", "about.json"
# Tokenised at once, in characters: enough to keep the tokenizer's threads busy, little enough for
# memory, where a token being made takes a hundred times its final size.
_CHARACTERS_AT_ONCE = 500_000


class About(NamedTuple):
    """What was tokenised; `num_bytes` are those of the documents' text."""

    num_documents: int
    num_tokens: int
    num_bytes: int

    @property
    def bytes_per_token(self) -> float:
        return self.num_bytes / self.num_tokens

    @property
    def tokens_per_document(self) -> float:
        return self.num_tokens / self.num_documents


@dataclass(frozen=True, slots=True)
class TokenisedSource:
    """Tokens of one source's training documents; `sequences(indices)` are packed windows.

    `is_response` says of each token whether it is of a response, its end token included. None
    stands for all: plain text is not prompt and response.
    """

    tokens: Tokens
    context_tokens: int
    is_response: Flags | None = None
    about: About | None = None

    @property
    def num_sequences(self) -> int:
        return (len(self.tokens) - 1) // self.context_tokens

    def sequences(self, indices: Indices) -> Sequences:
        """Windows as int64 (len(indices), context_tokens + 1)."""
        return self._windows(self.tokens, indices).astype(np.int64)

    def response_targets(self, indices: Indices) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """Which targets of these windows are of a response: bool (len(indices), context_tokens)."""
        if self.is_response is None:
            return np.ones((len(indices), self.context_tokens), dtype=bool)
        return self._windows(self.is_response, indices)[:, 1:]

    def _windows(self, line: Tokens, indices: Indices) -> np.ndarray[tuple[int, int], Any]:
        windows = np.lib.stride_tricks.sliding_window_view(line, self.context_tokens + 1)
        return windows[indices * self.context_tokens]


def write_tokenised(
    folder: Path,
    source: Source,
    documents: Iterable[tuple[int, Item]],
    order: Places,
    tokenizer: Tokenizer,
    end_id: int = END_ID,
) -> None:
    """The tokens of `documents` (position, document), which come as the source has them.

    They are written in the order of the positions in `order`, all of which must come. In `folder`
    it goes on from where a killed call with the same input stopped. Raises DataError where there is
    no room on the disk.
    """
    try:
        # The place of each position in the order; a dictionary would take a hundred bytes each.
        places = np.full(int(order.max(initial=-1)) + 1, -1, dtype=np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        largest_id = max(end_id, *tokenizer.get_vocab(with_added_tokens=True).values())
        file = TokenFile(folder, largest_id + 1, has_responses=source.kind == "sft")
        came, num_bytes = array("i"), 0
        for chunk in _chunks(documents, places):
            came.extend(int(places[position]) for position, _ in chunk)
            items = [item for _, item in chunk]
            num_bytes += sum(len(document_text(item, source).encode()) for item in items)
            if len(came) > file.num_documents:
                # What a killed call had written ends at a chunk's end or inside one.
                rest = items[len(items) - (len(came) - file.num_documents) :]
                file.append(_tokenise(rest, source, tokenizer, end_id))
        num_tokens = file.finish(np.argsort(np.array(came)), folder / TOKENS, folder / RESPONSES)
        about = About(len(came), num_tokens, num_bytes)
        (folder / ABOUT).write_text(json.dumps(about._asdict()), encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"sources.{source.name}",
            source.name,
            f"its tokens cannot be written under the home: {error}",
        ) from error


def read_tokenised(folder: Path, context_tokens: int, source: str) -> TokenisedSource:
    """Memory-mapped: workers on one machine share the pages.

    Raises DataError where the source fills no sequence.
    """
    tokens = np.load(folder / TOKENS, mmap_mode="r")
    if len(tokens) <= context_tokens:
        raise DataError(
            f"sources.{source}",
            source,
            f"its training documents hold {len(tokens)} tokens; expected more than one context "
            f"of {context_tokens}",
        )
    responses = folder / RESPONSES
    is_response = np.load(responses, mmap_mode="r") if responses.exists() else None
    about = About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    return TokenisedSource(tokens, context_tokens, is_response, about)


def _chunks(
    documents: Iterable[tuple[int, Item]], places: np.ndarray[tuple[int], np.dtype[np.int32]]
) -> Iterator[list[tuple[int, Item]]]:
    """The documents that have a place, some at once."""
    chunk: list[tuple[int, Item]] = []
    size = 0
    for position, item in documents:
        if position >= len(places) or places[position] < 0:
            continue
        chunk.append((position, item))
        size += len(item.prompt) + len(item.answer)
        if size >= _CHARACTERS_AT_ONCE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _tokenise(
    items: list[Item], source: Source, tokenizer: Tokenizer, end_id: int
) -> list[tuple[list[int], list[int]]]:
    """(prompt's tokens, the rest with the end token) of each document."""
    if source.kind == "pretrain":
        encoded = tokenizer.encode_batch_fast([item.answer for item in items])
        return [([], [*text.ids, end_id]) for text in encoded]
    prompts = tokenizer.encode_batch_fast([prompt_text(item.prompt) for item in items])
    answers = tokenizer.encode_batch_fast([answer_text(item.answer) for item in items])
    return [
        (prompt.ids, [*answer.ids, end_id]) for prompt, answer in zip(prompts, answers, strict=True)
    ]
