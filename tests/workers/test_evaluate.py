"""Scores: nats of answers against a plain log-softmax, bits per byte by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.benchmark import Benchmark
from tests.workers.tiny_study import tiny_proxy
from workers.benchmarks import Request, RequestSet
from workers.evaluate import answer_nats, bits_per_byte, evaluate
from workers.xmodel2 import Xmodel2


@pytest.fixture(scope="module")
def model() -> Xmodel2:
    model = Xmodel2(tiny_proxy())
    model.init_weights(3)
    return model


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


def test_answer_nats_equal_a_plain_log_softmax(model: Xmodel2) -> None:
    requests = make_requests((5, 3), (1, 1), (20, 13), (2, 9), (30, 3), (5, 4))
    expected = [plain_nats(model, request) for request in requests]
    assert answer_nats(model, requests) == pytest.approx(expected, rel=1e-5)


def test_more_requests_than_one_batch_holds_keep_their_order(model: Xmodel2) -> None:
    # 90 requests of up to 33 tokens: more than 2,048 tokens in all.
    shapes = [(1 + i % 29, 1 + i % 4) for i in range(90)]
    requests = make_requests(*shapes)
    expected = [plain_nats(model, request) for request in requests]
    assert answer_nats(model, requests) == pytest.approx(expected, rel=1e-5)


def test_padding_does_not_matter(model: Xmodel2) -> None:
    short, long = make_requests((4, 2), (20, 12))
    alone = answer_nats(model, (short,))[0]
    beside = answer_nats(model, (short, long))[0]
    assert beside == pytest.approx(alone, rel=1e-6)


def test_a_model_that_knows_nothing_gives_log_v_per_token(model: Xmodel2) -> None:
    blank = Xmodel2(tiny_proxy())
    blank.init_weights(0)
    with torch.no_grad():
        blank.model.norm.weight.zero_()
    requests = make_requests((4, 2), (10, 5))
    expected = [2 * math.log(400), 5 * math.log(400)]
    assert answer_nats(blank, requests) == pytest.approx(expected, rel=1e-6)


def test_bits_per_byte_and_its_standard_error_by_hand() -> None:
    # Bits 2, 6, 4 on bytes 1, 3, 4: 12 bits over 8 bytes are 1.5.
    # Residuals 2 - 1.5, 6 - 4.5, 4 - 6 have squares .25, 2.25, 4, sum 6.5.
    # Standard error sqrt(6.5 / 2 / 3) / (8 / 3) = 0.390312...
    nats = np.array([2.0, 6.0, 4.0]) * math.log(2)
    value, standard_error = bits_per_byte(nats, np.array([1.0, 3.0, 4.0]))
    assert value == pytest.approx(1.5, rel=1e-12)
    assert standard_error == pytest.approx(0.3903124, rel=1e-6)


def test_equal_items_have_no_standard_error() -> None:
    assert bits_per_byte(np.full(4, 8 * math.log(2)), np.full(4, 4.0)) == pytest.approx((2.0, 0.0))


@settings(deadline=None, max_examples=30)
@given(
    bits=st.lists(st.floats(0.1, 100.0), min_size=2, max_size=20),
    scale=st.floats(0.5, 20.0),
)
def test_with_answers_of_one_length_the_standard_error_is_that_of_a_mean(
    bits: list[float], scale: float
) -> None:
    nats = np.array(bits) * math.log(2)
    value, standard_error = bits_per_byte(nats, np.full(len(bits), scale))
    assert value == pytest.approx(np.mean(bits) / scale)
    expected = np.std(bits, ddof=1) / math.sqrt(len(bits)) / scale
    assert standard_error == pytest.approx(expected, abs=1e-9)


def test_every_benchmark_gets_one_score(model: Xmodel2) -> None:
    sets = [
        RequestSet(Benchmark(name=name, held_out="text"), make_requests(*shapes), 0, 0)
        for name, shapes in (("first", [(4, 2), (5, 3)]), ("second", [(3, 3)] * 4))
    ]
    heard: list[int] = []
    scores = evaluate(model, sets, heard.append)
    assert heard == [2, 6]
    assert [(s.benchmark, s.metric, s.num_items) for s in scores] == [
        ("first", "bits_per_byte", 2),
        ("second", "bits_per_byte", 4),
    ]
    bits = [plain_nats(model, request) / math.log(2) for request in sets[0].requests]
    # Two and three tokens of answer, three bytes each.
    assert scores[0].value == pytest.approx(sum(bits) / 15, rel=1e-5)
