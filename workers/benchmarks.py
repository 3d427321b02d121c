"""Benchmarks as scoring requests: which items, decontaminated, tokenised once per worker."""

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from mixtures.benchmark import Benchmark
from workers.files import DataError
from workers.prompt import answer_text, prompt_text
from workers.sources import Item
from workers.stream import named_generator
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
class RequestSet:
    """The requests of one benchmark, and how many items were left out and why."""

    benchmark: Benchmark
    requests: tuple[Request, ...]
    num_contaminated: int
    num_too_long: int


def question_key(prompt: str) -> str:
    """A prompt without case and spacing: what decontamination compares."""
    return re.sub(r"\s+", " ", prompt).strip().casefold()


def decontaminated(items: list[Item], trained_on: frozenset[str]) -> list[Item]:
    """The items whose question stands in no training source (`trained_on`: question keys)."""
    return [item for item in items if question_key(item.prompt) not in trained_on]


def make_requests(
    benchmark: Benchmark,
    items: list[Item],
    trained_on: frozenset[str],
    tokenizer: Tokenizer,
    context_tokens: int,
    data_seed: int,
    end_id: int = END_ID,
) -> RequestSet:
    """Up to `num_items` requests, drawn once by `data_seed`; raises DataError under two."""
    clean = decontaminated(items, trained_on)
    requests = [
        _request(item, benchmark.is_continuation, tokenizer, context_tokens, end_id)
        for item in clean
    ]
    return _drawn(benchmark, requests, len(items) - len(clean), data_seed)


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
    requests: list[Request | None] = []
    for item in items:
        encoded = tokenizer.encode(item.answer)
        tokens = [end_id, *encoded.ids]
        sizes = [0, *_bytes_of_tokens(item.answer, encoded)]
        # Windows overlap by the prompt, so each token but a document's first half is scored once.
        for start in range(0, max(1, len(tokens) - half), half):
            window = tokens[start : start + 2 * half]
            answer_start = half if start else min(half, len(window) // 2)
            size = sum(sizes[start + answer_start : start + 2 * half])
            requests.append(Request(tuple(window), answer_start, size))
    return _drawn(benchmark, requests, 0, data_seed)


def write_request_sets(path: Path, sets: list[RequestSet]) -> None:
    """As JSON, so that a worker that finds it need not read a source or a benchmark again."""
    path.write_text(
        json.dumps(
            [
                {
                    "name": one.benchmark.name,
                    "num_contaminated": one.num_contaminated,
                    "num_too_long": one.num_too_long,
                    "requests": [[r.tokens, r.answer_start, r.answer_bytes] for r in one.requests],
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


def _request(
    item: Item, is_continuation: bool, tokenizer: Tokenizer, context_tokens: int, end_id: int
) -> Request | None:
    """None where the answer leaves no room for a prompt. The prompt is cut from its left."""
    prompt = item.prompt if is_continuation else prompt_text(item.prompt)
    answer = item.answer if is_continuation else answer_text(item.answer)
    prompt_ids = [end_id, *tokenizer.encode(prompt).ids]
    answer_ids = tokenizer.encode(answer).ids
    room = context_tokens + 1 - len(answer_ids)
    if room < SHORTEST_PROMPT_TOKENS:
        return None
    kept = prompt_ids[-room:]
    return Request((*kept, *answer_ids), len(kept), len(answer.encode()))


def _drawn(
    benchmark: Benchmark,
    requests: list[Request | None],
    num_contaminated: int,
    data_seed: int,
) -> RequestSet:
    """A random subset of the scorable requests, the same for every trial of a study."""
    scorable = [request for request in requests if request is not None]
    if len(scorable) < 2:
        raise DataError(
            f"benchmarks.{benchmark.name}",
            benchmark.name,
            f"{len(scorable)} of {len(requests) + num_contaminated} items can be scored "
            f"({num_contaminated} stand in a training source, "
            f"{len(requests) - len(scorable)} have an answer longer than the context); "
            "expected at least two",
        )
    order = named_generator("benchmark", benchmark.name, data_seed).permutation(len(scorable))
    chosen = tuple(scorable[i] for i in sorted(order[: benchmark.num_items]))
    return RequestSet(benchmark, chosen, num_contaminated, len(requests) - len(scorable))
