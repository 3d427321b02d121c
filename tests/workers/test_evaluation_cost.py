"""The estimate of an evaluation: near what it takes, and what is said where it is too much."""

import time

import numpy as np
import pytest

from mixtures.benchmark import Benchmark
from tests.workers.tiny_study import tiny_proxy
from workers.benchmarks import Request, RequestSet
from workers.evaluate import answer_nats
from workers.evaluation_cost import EvaluationCost, evaluation_cost
from workers.xmodel2 import Xmodel2


def test_the_estimate_is_near_what_scoring_takes() -> None:
    proxy = tiny_proxy(context_tokens=128, width=64, ffn_width=128)
    model = Xmodel2(proxy)
    model.init_weights(0)
    rng = np.random.default_rng(0)
    requests = tuple(
        Request(tuple(rng.integers(0, 400, size).tolist()), size - 8, 20)
        for size in rng.integers(20, 129, 600).tolist()
    )
    one = RequestSet(Benchmark(name="x", held_out="text"), requests, 0, 0)
    answer_nats(model, requests)
    started = time.perf_counter()
    answer_nats(model, requests)
    seconds = time.perf_counter() - started
    found = evaluation_cost(model, [one])
    assert (found.num_items, found.num_requests) == (600, 600)
    assert found.num_tokens == sum(len(request.tokens) for request in requests)
    # Wide: other work on the machine comes and goes between the two.
    assert seconds / 4 < found.seconds < 4 * seconds


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
    assert "takes about 30 s, 50% of a trial" in note
    assert "At 25% of these num_items it takes 20%" in note
    assert "generate: false" in note
    assert cost.note(120.0) is None
    assert cost.share_of_trial(120.0) == pytest.approx(0.2)
