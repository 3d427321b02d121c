"""Cached, batched decoding gives what one prompt at a time without a cache gives."""

import numpy as np
import pytest
import torch

from tests.workers.granite import granite_like
from tests.workers.tiny_study import tiny_proxy
from workers.benchmarks import Prompt
from workers.generate import BATCH_ROWS, greedy
from workers.xmodel2 import Xmodel2

NEVER = lambda index, tokens: False  # noqa: E731


@pytest.fixture(scope="module")
def model() -> Xmodel2:
    # Weights ten times as large as usual: logits then differ by far more than rounding does.
    model = Xmodel2(tiny_proxy(context_tokens=48, init_std=1.0))
    model.init_weights(5)
    return model


def prompts(*shapes: tuple[int, int]) -> list[Prompt]:
    rng = np.random.default_rng(0)
    return [Prompt(tuple(rng.integers(0, 400, size).tolist()), new) for size, new in shapes]


@torch.no_grad()
def uncached(model: Xmodel2, prompt: Prompt) -> list[int]:
    tokens = list(prompt.tokens)
    for _ in range(prompt.max_new_tokens):
        tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    return tokens[len(prompt.tokens) :]


def test_batches_with_a_cache_give_what_single_passes_without_one_give(model: Xmodel2) -> None:
    asked = prompts((1, 9), (5, 20), (5, 1), (12, 4), (30, 18), (40, 8), (3, 0), (7, 20))
    expected = [uncached(model, prompt) for prompt in asked]
    assert greedy(model, asked, NEVER) == expected
    assert len({tuple(one) for one in expected if len(one) > 3}) > 3


def test_more_prompts_than_one_batch_keep_their_order(model: Xmodel2) -> None:
    asked = prompts(*((1 + i % 13, 1 + i % 5) for i in range(BATCH_ROWS + 7)))
    assert greedy(model, asked, NEVER) == [uncached(model, prompt) for prompt in asked]


def test_the_context_may_be_filled_to_its_last_place(model: Xmodel2) -> None:
    # 48 tokens are read; the 49th is the last that is written. The short rows wait for it.
    asked = prompts((40, 9), (3, 2), (48, 1), (20, 29))
    assert greedy(model, asked, NEVER) == [uncached(model, prompt) for prompt in asked]


def test_a_row_ends_where_it_is_told_to_and_the_others_go_on(model: Xmodel2) -> None:
    asked = prompts((4, 12), (6, 12), (9, 12), (2, 12), (5, 12))
    stops = {0: 3, 2: 1, 3: 7}
    found = greedy(model, asked, lambda index, tokens: len(tokens) == stops.get(index))
    expected = [uncached(model, prompt)[: stops.get(i)] for i, prompt in enumerate(asked)]
    assert found == expected


def test_it_generates_what_transformers_granite_generates(model: Xmodel2) -> None:
    granite = granite_like(model)
    for prompt, found in zip(
        asked := prompts((4, 15), (11, 30)), greedy(model, asked, NEVER), strict=True
    ):
        tokens = torch.tensor([prompt.tokens])
        expected = granite.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=prompt.max_new_tokens,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )
        assert found == expected[0, len(prompt.tokens) :].tolist()
