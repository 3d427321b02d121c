"""Scores a model: bits per byte of each benchmark's answers given their prompts."""

import math
from collections.abc import Callable

import numpy as np
import torch

from mixtures.benchmark import BITS_PER_BYTE
from mixtures.trial import Score
from workers.benchmarks import Request, RequestSet
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


def bits_per_byte(nats: np.ndarray, num_bytes: np.ndarray) -> tuple[float, float]:
    """(total bits / total bytes, its standard error over the items).

    A ratio of sums, as lm-evaluation-harness has it; the standard error of a ratio estimator is
    that of the residuals bits - ratio * bytes (Cochran, Sampling Techniques, eq. 2.46).
    """
    bits = nats / math.log(2)
    ratio = bits.sum() / num_bytes.sum()
    residuals = bits - ratio * num_bytes
    n = len(bits)
    standard_error = math.sqrt((residuals**2).sum() / (n - 1) / n) / num_bytes.mean()
    return float(ratio), float(standard_error)


def evaluate(
    model: Xmodel2, benchmarks: list[RequestSet], on_done: Callable[[int], None]
) -> tuple[Score, ...]:
    """One score per benchmark; `on_done` is told the number of items scored so far."""
    scores, done = [], 0
    for benchmark in benchmarks:
        nats = answer_nats(model, benchmark.requests)
        num_bytes = np.array([request.answer_bytes for request in benchmark.requests], float)
        value, standard_error = bits_per_byte(nats, num_bytes)
        scores.append(
            Score(
                benchmark=benchmark.benchmark.name,
                metric=BITS_PER_BYTE,
                value=value,
                num_items=len(benchmark.requests),
                standard_error=standard_error,
            )
        )
        done += len(benchmark.requests)
        on_done(done)
    return tuple(scores)


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
