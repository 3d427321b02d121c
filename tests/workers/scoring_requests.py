"""Requests of made-up tokens, and what each must score: one pass, one token after another."""

import numpy as np
import torch

from workers.benchmarks import Request
from workers.xmodel2 import Xmodel2


def make_requests(*shapes: tuple[int, int], seed: int = 0) -> tuple[Request, ...]:
    """One request for each (tokens of prompt, tokens of answer)."""
    rng = np.random.default_rng(seed)
    return tuple(
        Request(tuple(rng.integers(0, 400, prompt + answer).tolist()), prompt, 3 * answer)
        for prompt, answer in shapes
    )


def plain_nats(model: Xmodel2, request: Request) -> float:
    """One request, one pass, one token after another."""
    tokens = torch.tensor([request.tokens])
    with torch.no_grad():
        log_probabilities = torch.log_softmax(model(tokens[:, :-1])[0].double(), dim=-1)
    total = 0.0
    for position in range(request.answer_start, len(request.tokens)):
        total -= float(log_probabilities[position - 1, request.tokens[position]])
    return total
