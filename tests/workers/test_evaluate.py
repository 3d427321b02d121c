"""Scores of benchmarks from the nats of their answers: bits per byte by hand."""

import math

import numpy as np
import pytest

from mixtures.benchmark import Benchmark
from tests.workers.scoring_requests import make_requests, plain_nats
from tests.workers.tiny_study import tiny_proxy
from workers.benchmarks import Choices, RequestSet
from workers.evaluate import evaluate
from workers.xmodel2 import Xmodel2


@pytest.fixture(scope="module")
def model() -> Xmodel2:
    model = Xmodel2(tiny_proxy())
    model.init_weights(3)
    return model


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


def test_a_benchmark_with_choices_gets_every_metric_of_choosing(model: Xmodel2) -> None:
    requests = make_requests((5, 2), (5, 3), (6, 2), (6, 2), (6, 4))
    benchmark = Benchmark(
        name="picks", files=("a.jsonl",), prompt="{{ q }}", choices="{{ c }}", gold="{{ g }}"
    )
    choices = (Choices(1, (5, 8)), Choices(0, (5, 5, 11)))
    heard: list[int] = []
    found = evaluate(model, [RequestSet(benchmark, requests, 0, 0, 0, choices)], heard.append)
    assert heard == [2]
    assert tuple(score.metric for score in found) == benchmark.metrics
    assert all(score.num_items == 2 for score in found)
    scores = {score.metric: score.value for score in found}
    nats = [plain_nats(model, request) for request in requests]
    # Right are the second request (three tokens, nine bytes) and the third (two, six).
    assert scores["bits_per_byte"] == pytest.approx(
        (nats[1] + nats[2]) / math.log(2) / 15, rel=1e-5
    )
    likelihood = np.exp(-np.array(nats))
    expected = likelihood[1] / likelihood[:2].sum() + likelihood[2] / likelihood[2:].sum()
    assert scores["choice_probability"] == pytest.approx(expected / 2, rel=1e-4)
    hits = (np.argmin(nats[:2]) == 1) + (np.argmin(nats[2:]) == 0)
    assert scores["acc"] == hits / 2
    per_byte = np.array(nats) / [5, 8, 5, 5, 11]
    assert (
        scores["acc_norm"] == ((np.argmin(per_byte[:2]) == 1) + (np.argmin(per_byte[2:]) == 0)) / 2
    )
