"""Scores a model on a study's benchmarks: their requests through it, and the metrics of these."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from mixtures.item import ItemScore
from mixtures.metric import BITS_PER_BYTE
from mixtures.trial import Score
from workers.answer_nats import answer_nats
from workers.benchmarks import Request, RequestSet
from workers.generate import greedy
from workers.harness_set import HarnessSet
from workers.item_scores import harness_item_scores, item_scores
from workers.metrics import Estimate, bits_per_byte, choice_estimates
from workers.xmodel2 import Xmodel2


def evaluate(
    model: Xmodel2,
    benchmarks: Sequence[RequestSet | HarnessSet],
    on_done: Callable[[int], None],
    items: list[ItemScore] | None = None,
) -> tuple[Score, ...]:
    """Every metric of every benchmark; `on_done` is told the number of items scored so far.

    How each item was answered is added to `items`.
    """
    items = [] if items is None else items
    scores: list[Score] = []
    done = 0
    for benchmark in benchmarks:
        nats = answer_nats(model, benchmark.requests)
        if isinstance(benchmark, HarnessSet):
            estimates, answered = _harness_estimates(model, benchmark, nats)
        else:
            estimates, answered = _estimates(benchmark, nats), item_scores(benchmark, nats)
        items += answered
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
) -> tuple[dict[str, Estimate], list[ItemScore]]:
    is_greedy = (
        answers_are_greedy(model, benchmark.requests)
        if benchmark.needs_greedy
        else [False] * len(benchmark.requests)
    )
    found = greedy(model, benchmark.prompts, benchmark.is_done)
    texts = [benchmark.text(position, tokens) for position, tokens in enumerate(found)]
    estimates, right = benchmark.scored(nats, is_greedy, texts)
    return estimates, harness_item_scores(benchmark, nats, texts, right)


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
