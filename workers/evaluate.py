"""Scores a model on a study's benchmarks: their requests through it, and the metrics of these."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from mixtures.metric import BITS_PER_BYTE
from mixtures.trial import Score
from workers.benchmarks import Request, RequestSet
from workers.generate import greedy
from workers.harness_set import HarnessSet
from workers.metrics import Estimate, bits_per_byte, choice_estimates
from workers.xmodel2 import Xmodel2

# Tokens in one forward pass, padding included; the activations of pico's fit a core's cache.
_BATCH_TOKENS = 2048


@torch.no_grad()
def answer_nats(model: Xmodel2, requests: tuple[Request, ...]) -> np.ndarray:
    """-log p(answer | prompt) in nats, float64 (len(requests),)."""
    model.eval()
    nats = np.zeros(len(requests))
    by_length = sorted(range(len(requests)), key=lambda i: (len(requests[i].tokens), i))
    for batch in _batches(by_length, requests):
        nats[batch] = _batch_nats(model, [requests[i] for i in batch])
    return nats


def evaluate(
    model: Xmodel2,
    benchmarks: Sequence[RequestSet | HarnessSet],
    on_done: Callable[[int], None],
) -> tuple[Score, ...]:
    """Every metric of every benchmark; `on_done` is told the number of items scored so far."""
    scores: list[Score] = []
    done = 0
    for benchmark in benchmarks:
        nats = answer_nats(model, benchmark.requests)
        if isinstance(benchmark, HarnessSet):
            estimates = _harness_estimates(model, benchmark, nats)
        else:
            estimates = _estimates(benchmark, nats)
        scores += [
            Score(
                benchmark=benchmark.benchmark.name,
                metric=metric,
                value=estimate.value,
                num_items=benchmark.num_items,
                standard_error=estimate.standard_error,
            )
            for metric, estimate in estimates.items()
        ]
        done += benchmark.num_items
        on_done(done)
    return tuple(scores)


@torch.no_grad()
def answers_are_greedy(model: Xmodel2, requests: Sequence[Request]) -> list[bool]:
    """Whether the model, decoding greedily, would write the answer word for word."""
    model.eval()
    found = []
    for request in requests:
        tokens = torch.tensor([request.tokens])
        hidden = model.hidden(tokens[:, :-1])[:, request.answer_start - 1 :]
        best = model.lm_head(hidden).argmax(-1)
        found.append(bool((best == tokens[:, request.answer_start :]).all()))
    return found


def _harness_estimates(
    model: Xmodel2, benchmark: HarnessSet, nats: np.ndarray
) -> dict[str, Estimate]:
    is_greedy = (
        answers_are_greedy(model, benchmark.requests)
        if benchmark.needs_greedy
        else [False] * len(benchmark.requests)
    )
    found = greedy(model, benchmark.prompts, benchmark.is_done)
    texts = [benchmark.text(position, tokens) for position, tokens in enumerate(found)]
    return benchmark.estimates(nats, is_greedy, texts)


def _estimates(benchmark: RequestSet, nats: np.ndarray) -> dict[str, Estimate]:
    """The benchmark's metrics by name, from the nats of each of its requests."""
    num_bytes = np.array([request.answer_bytes for request in benchmark.requests], float)
    if not benchmark.choices:
        return {BITS_PER_BYTE: bits_per_byte(nats, num_bytes)}
    gold = [one.gold for one in benchmark.choices]
    sizes = [np.array(one.choice_bytes, float) for one in benchmark.choices]
    starts = np.cumsum([0, *(len(one) for one in sizes)])
    right = starts[:-1] + gold
    return {
        BITS_PER_BYTE: bits_per_byte(nats[right], num_bytes[right]),
        **choice_estimates(np.split(nats, starts[1:-1]), sizes, gold),
    }


def _batches(order: list[int], requests: tuple[Request, ...]) -> list[list[int]]:
    """Indices in runs of like length, each within `_BATCH_TOKENS` when padded."""
    batches: list[list[int]] = [[]]
    for index in order:
        # Sorted by length, so the newest is the longest of its batch.
        if batches[-1] and (len(batches[-1]) + 1) * len(requests[index].tokens) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(index)
    return batches


def _batch_nats(model: Xmodel2, requests: list[Request]) -> np.ndarray:
    """Padding stands to the right, where causal attention never looks at it."""
    longest = max(len(request.tokens) for request in requests)
    tokens = torch.zeros((len(requests), longest), dtype=torch.int64)
    is_answer = torch.zeros((len(requests), longest), dtype=torch.bool)
    for row, request in enumerate(requests):
        tokens[row, : len(request.tokens)] = torch.tensor(request.tokens)
        is_answer[row, request.answer_start : len(request.tokens)] = True
    # The head is run at the answers' positions alone: it is most of a small model's work.
    hidden = model.hidden(tokens[:, :-1])[is_answer[:, 1:]]
    logits = model.lm_head(hidden).double()
    targets = tokens[:, 1:][is_answer[:, 1:]]
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    rows = is_answer[:, 1:].nonzero()[:, 0]
    sums = torch.zeros(len(requests), dtype=torch.float64).index_add_(0, rows, losses)
    return sums.numpy()
