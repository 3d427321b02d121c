"""Benchmarks as scoring requests: which items, tokenised once per worker."""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tokenizers import Encoding, Tokenizer

from mixtures.benchmark import Benchmark
from workers.benchmark_items import BenchmarkItem
from workers.files import DataError
from workers.prompt import answer_text, prompt_text
from workers.sources import Item
from workers.subset import draw_subset
from workers.tokenizer import END_ID

# An answer needs some prompt before it in the context; longer answers are not scored.
SHORTEST_PROMPT_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Request:
    """Tokens of prompt and answer; the answer starts at `answer_start`."""

    tokens: tuple[int, ...]
    answer_start: int
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """Tokens to go on from, and the most to add: together one more than the context at most."""

    tokens: tuple[int, ...]
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Choices:
    """An item of several requests, one a choice: which is right, and each choice's own bytes."""

    gold: int
    choice_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RequestSet:
    """The requests of one benchmark, and how many items were left out and why.

    With `choices`, those of item i follow those of item i - 1, as many as it has choices; without,
    a request is an item. `num_cut` items have a prompt longer than the context: left out, or kept
    and cut, as the benchmark says.
    """

    benchmark: Benchmark
    requests: tuple[Request, ...]
    num_contaminated: int
    num_too_long: int
    num_cut: int = 0
    choices: tuple[Choices, ...] = ()

    @property
    def num_items(self) -> int:
        return len(self.choices) or len(self.requests)


class _Candidate(NamedTuple):
    """One item as it would be scored; the answer may be too long, or the prompt have been cut."""

    requests: tuple[Request, ...]
    choices: Choices | None
    is_too_long: bool
    is_cut: bool
    stratum: str = ""


def make_requests(
    benchmark: Benchmark,
    items: list[BenchmarkItem],
    num_contaminated: int,
    tokenizer: Tokenizer,
    context_tokens: int,
    data_seed: int,
    end_id: int = END_ID,
) -> RequestSet:
    """Up to `num_items` requests, drawn once by `data_seed`; raises DataError under two.

    `num_contaminated` items were left out before, because they stand in a training source.
    """
    candidates = [
        _candidate(item, benchmark.is_continuation, tokenizer, context_tokens, end_id)
        for item in items
    ]
    return _drawn(benchmark, candidates, num_contaminated, data_seed)


def make_held_out_requests(
    benchmark: Benchmark,
    items: Iterable[Item],
    tokenizer: Tokenizer,
    context_tokens: int,
    data_seed: int,
    end_id: int = END_ID,
) -> RequestSet:
    """Held-out documents cut into windows of half a context of prompt and half of answer."""
    half = context_tokens // 2
    candidates: list[_Candidate] = []
    for item in items:
        encoded = tokenizer.encode(item.answer)
        tokens = [end_id, *encoded.ids]
        sizes = [0, *_bytes_of_tokens(item.answer, encoded)]
        # Windows overlap by the prompt, so each token but a document's first half is scored once.
        for start in range(0, max(1, len(tokens) - half), half):
            window = tokens[start : start + 2 * half]
            answer_start = half if start else min(half, len(window) // 2)
            size = sum(sizes[start + answer_start : start + 2 * half])
            request = Request(tuple(window), answer_start, size)
            candidates.append(_Candidate((request,), None, is_too_long=False, is_cut=False))
    return _drawn(benchmark, candidates, 0, data_seed)


def write_request_sets(path: Path, sets: list[RequestSet]) -> None:
    """As JSON, so that a worker that finds it need not read a source or a benchmark again."""
    path.write_text(
        json.dumps(
            [
                {
                    "name": one.benchmark.name,
                    "num_contaminated": one.num_contaminated,
                    "num_too_long": one.num_too_long,
                    "num_cut": one.num_cut,
                    "requests": [[r.tokens, r.answer_start, r.answer_bytes] for r in one.requests],
                    "choices": [[c.gold, c.choice_bytes] for c in one.choices],
                }
                for one in sets
            ]
        ),
        encoding="utf-8",
    )


def read_request_sets(path: Path, benchmarks: Sequence[Benchmark]) -> list[RequestSet]:
    """What `write_request_sets` wrote for these benchmarks, in their order."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    return [
        RequestSet(
            benchmark,
            tuple(Request(tuple(tokens), start, size) for tokens, start, size in one["requests"]),
            one["num_contaminated"],
            one["num_too_long"],
            one["num_cut"],
            tuple(Choices(gold, tuple(sizes)) for gold, sizes in one["choices"]),
        )
        for benchmark, one in zip(benchmarks, stored, strict=True)
    ]


def _bytes_of_tokens(text: str, encoded: Encoding) -> list[int]:
    """How many bytes of the text each token stands for; they sum to the text's.

    A byte-level piece has one character for each byte, where decoding a window that cuts through a
    character would count bytes that are not in the text. Other tokenizers tell places in the text:
    what lies between the ends of two tokens belongs to the second.
    """
    num_bytes = len(text.encode())
    sizes = [len(piece) for piece in encoded.tokens]
    if sum(sizes) == num_bytes or not sizes:
        return sizes
    # Bytes up to each character, so that an end in characters becomes one in bytes.
    up_to = [0, *itertools.accumulate(len(character.encode()) for character in text)]
    ends = [up_to[end] for _, end in encoded.offsets[:-1]] + [num_bytes]
    ends = list(itertools.accumulate(ends, max))
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _candidate(
    item: BenchmarkItem,
    is_continuation: bool,
    tokenizer: Tokenizer,
    context_tokens: int,
    end_id: int,
) -> _Candidate:
    """The item's requests, all on one prompt; where it is too long it is cut from its left."""
    prompt = item.prompt if is_continuation else prompt_text(item.prompt)
    prompt_ids = [end_id, *tokenizer.encode(prompt).ids]
    requests, is_too_long, is_cut = [], False, False
    for text in item.choices or (item.answer,):
        answer = text if is_continuation else answer_text(text)
        answer_ids = tokenizer.encode(answer).ids
        room = context_tokens + 1 - len(answer_ids)
        is_too_long |= room < SHORTEST_PROMPT_TOKENS
        is_cut |= room < len(prompt_ids)
        kept = prompt_ids[-max(room, 1) :]
        requests.append(Request((*kept, *answer_ids), len(kept), len(answer.encode())))
    sizes = tuple(len(text.strip().encode()) for text in item.choices)
    choices = Choices(item.gold, sizes) if sizes else None
    is_cut = is_cut and not is_too_long
    return _Candidate(tuple(requests), choices, is_too_long, is_cut, item.stratum)


def _drawn(
    benchmark: Benchmark,
    candidates: list[_Candidate],
    num_contaminated: int,
    data_seed: int,
) -> RequestSet:
    """A random subset of the scorable items, the same for every trial of a study."""
    num_too_long = sum(one.is_too_long for one in candidates)
    num_cut = sum(one.is_cut for one in candidates)
    keeps_cut = benchmark.cut_prompts == "keep"
    scorable = [one for one in candidates if not one.is_too_long and (keeps_cut or not one.is_cut)]
    if len(scorable) < 2:
        raise DataError(
            f"benchmarks.{benchmark.name}",
            benchmark.name,
            f"{len(scorable)} of {len(candidates) + num_contaminated} items can be scored "
            f"({num_contaminated} stand in a training source, "
            f"{num_too_long} have an answer longer than the context, "
            f"{num_cut} a prompt that does not fit it"
            + ("" if keeps_cut else "; cut_prompts: keep would take those")
            + "); expected at least two",
        )
    picked = draw_subset(
        [one.stratum for one in scorable], benchmark.num_items, benchmark.name, data_seed
    )
    chosen = [scorable[i] for i in picked]
    return RequestSet(
        benchmark,
        tuple(request for one in chosen for request in one.requests),
        num_contaminated,
        num_too_long,
        num_cut,
        tuple(one.choices for one in chosen if one.choices is not None),
    )
