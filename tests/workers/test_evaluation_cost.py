"""The estimate of an evaluation: near what it takes, and what is said where it is too much."""

import time
from collections.abc import Sequence

import numpy as np
import pytest

from mixtures.benchmark import Benchmark
from tests.workers.tiny_study import tiny_proxy
from workers import evaluation_cost as evaluation_cost_module
from workers.benchmarks import Request, RequestSet
from workers.evaluation_cost import EvaluationCost, evaluation_cost
from workers.xmodel2 import Xmodel2


def test_the_estimate_goes_by_the_tokens_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that goes a second a token: a prompt that choices share is read once.
    clock = [0.0]

    def score(model: Xmodel2, requests: Sequence[Request]) -> np.ndarray:
        prompts = {one.tokens[: one.answer_start] for one in requests}
        answers = sum(len(one.tokens) - one.answer_start for one in requests)
        clock[0] += sum(len(prompt) for prompt in prompts) + answers
        return np.zeros(len(requests))

    monkeypatch.setattr(evaluation_cost_module, "answer_nats", score)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    rng = np.random.default_rng(0)
    requests = []
    for size in rng.integers(20, 129, 300).tolist():
        prompt = rng.integers(0, 400, size).tolist()
        requests += [Request((*prompt, *choice), size, 20) for choice in ([1, 2], [3], [4, 5, 6])]
    one = RequestSet(Benchmark(name="x", held_out="text"), tuple(requests), 0, 0)
    found = evaluation_cost(Xmodel2(tiny_proxy()), [one])
    assert (found.num_items, found.num_requests) == (900, 900)
    assert found.num_tokens == sum(len(request.tokens) for request in requests)
    everything = sum(len(request.tokens) - request.answer_start for request in requests) + sum(
        request.answer_start for request in requests[::3]
    )
    assert found.seconds == pytest.approx(everything)


def test_what_takes_too_much_of_a_trial_is_said_with_the_number_that_would_not() -> None:
    cost = EvaluationCost(
        num_items=500,
        num_requests=900,
        num_tokens=90_000,
        likelihood_seconds=10.0,
        generation_seconds=20.0,
    )
    assert cost.share_of_trial(30.0) == 0.5
    note = cost.note(30.0)
    # A fifth of a trial of 30 s of decay is 7.5 s: a quarter of 30 s.
    assert note is not None
    assert "takes about 30 s, 50 % of a trial" in note
    assert "At 25 % of these num_items it takes 20 %" in note
    assert "generate: false" in note
    assert cost.note(120.0) is None
    assert cost.share_of_trial(120.0) == pytest.approx(0.2)
