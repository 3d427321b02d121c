"""Nats of answers against a plain log-softmax, alone and where choices share a prompt."""

import math

import numpy as np
import pytest
import torch

from tests.workers.scoring_requests import make_requests, plain_nats
from tests.workers.tiny_study import tiny_proxy
from workers.answer_nats import answer_nats, groups_of_one_prompt
from workers.benchmarks import Request
from workers.xmodel2 import Xmodel2


@pytest.fixture(scope="module")
def model() -> Xmodel2:
    model = Xmodel2(tiny_proxy())
    model.init_weights(3)
    return model


def choices(*shapes: tuple[int, tuple[int, ...]]) -> list[Request]:
    """Items of (tokens of the prompt, tokens of each choice)."""
    rng = np.random.default_rng(1)
    requests = []
    for length, answers in shapes:
        prompt = rng.integers(0, 400, length).tolist()
        for answer in answers:
            tokens = (*prompt, *rng.integers(0, 400, answer).tolist())
            requests.append(Request(tokens, length, 3 * answer))
    return requests


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


def test_choices_that_share_a_prompt_score_as_if_each_had_read_it(model: Xmodel2) -> None:
    # Prompts and answers of all lengths in one batch, the shortest possible prompt, a full context.
    shapes = [(9, (3, 1, 5)), (1, (2, 2)), (17, (1, 1, 1, 1)), (25, (8, 3)), (4, (1, 6))]
    requests = choices(*shapes)
    expected = [plain_nats(model, request) for request in requests]
    assert answer_nats(model, requests) == pytest.approx(expected, rel=1e-5)


def test_answers_of_one_token_need_no_second_pass(model: Xmodel2) -> None:
    requests = choices((9, (1, 1)), (12, (1, 1, 1)))
    expected = [plain_nats(model, request) for request in requests]
    assert answer_nats(model, requests) == pytest.approx(expected, rel=1e-5)


def test_shared_and_single_prompts_of_many_batches_keep_their_order(model: Xmodel2) -> None:
    shared = choices(*[(5 + i % 20, (1 + i % 5, 2, 4)) for i in range(150)])
    single = make_requests(*[(1 + i % 29, 1 + i % 4) for i in range(60)])
    requests = [*shared[:200], *single, *shared[200:]]
    expected = [plain_nats(model, request) for request in requests]
    assert answer_nats(model, requests) == pytest.approx(expected, rel=1e-5)


def test_requests_are_grouped_by_the_whole_prompt() -> None:
    a, b = Request((1, 2, 3), 2, 1), Request((1, 2, 4, 5), 2, 1)
    longer_prompt, other = Request((1, 2, 3, 4), 3, 1), Request((1, 9, 3), 2, 1)
    assert groups_of_one_prompt([a, longer_prompt, other, b]) == [[0, 3], [1], [2]]
