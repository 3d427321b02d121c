"""Loss on responses alone: a mask from the tokenised source through the stream to the gradient."""

import numpy as np
import pytest
import torch

from mixtures.recipe import Recipe
from tests.workers.tiny_study import tiny_proxy, tiny_study, tiny_trial
from workers.config import WorkerConfig
from workers.run import TrialRunner
from workers.stream import Batch, Stream
from workers.tokenised import TokenisedSource
from workers.train import _backward
from workers.xmodel2 import Xmodel2


def model() -> Xmodel2:
    made = Xmodel2(tiny_proxy())
    made.init_weights(0)
    return made


def gradients(batch: Batch) -> tuple[float, dict[str, torch.Tensor]]:
    one = model()
    loss = _backward(one, batch)
    return loss, {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad
        for name, weight in one.named_parameters()
    }


def batch(num_sequences: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(3, 400, (num_sequences, 33)), rng.random((num_sequences, 32)) < 0.3


def test_the_loss_is_the_mean_over_the_counted_targets_of_the_whole_batch() -> None:
    # Twelve sequences: a micro-batch of eight and one of four, with other numbers of targets.
    tokens, is_counted = batch()
    loss, found = gradients(Batch(tokens, is_counted))
    one = model()
    logits = one(torch.from_numpy(tokens)[:, :-1])
    targets = torch.from_numpy(np.where(is_counted, tokens[:, 1:], -100))
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=-100
    )
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    for name, weight in one.named_parameters():
        assert torch.allclose(found[name], weight.grad, atol=1e-7), name


def test_counting_every_target_is_the_plain_loss() -> None:
    tokens, is_counted = batch()
    plain, plain_gradients = gradients(Batch(tokens, None))
    masked, masked_gradients = gradients(Batch(tokens, np.ones_like(is_counted)))
    assert masked == pytest.approx(plain, rel=1e-6)
    for name, gradient in plain_gradients.items():
        assert torch.allclose(masked_gradients[name], gradient, atol=1e-7), name


def test_a_batch_without_counted_targets_has_no_loss_and_no_gradient() -> None:
    tokens, is_counted = batch(2)
    loss, found = gradients(Batch(tokens, np.zeros_like(is_counted)))
    assert loss == 0.0
    assert all(not gradient.any() for gradient in found.values())


def test_the_stream_gives_the_mask_of_each_row_and_the_same_tokens() -> None:
    tokens = np.arange(9, dtype=np.uint16)
    is_response = np.array([False, False, True, True, False, False, False, True, True])
    sources = {
        "chat": TokenisedSource(tokens, 4, is_response),
        "web": TokenisedSource(tokens + 100, 4),
    }
    shares = {"chat": 0.5, "web": 0.5}
    found = Stream(sources, shares, 0, loss_on="response").next_counted_batch(6)
    assert found.is_counted is not None
    for row, counted in zip(found.tokens, found.is_counted, strict=True):
        start = row[0] % 100
        expected = [True] * 4 if row[0] >= 100 else is_response[start + 1 : start + 5].tolist()
        assert counted.tolist() == expected
    assert Stream(sources, shares, 0).next_counted_batch(6).is_counted is None
    assert np.array_equal(Stream(sources, shares, 0).next_batch(6), found.tokens)


def test_a_study_chooses_and_the_stable_phase_is_shared(shared_config: WorkerConfig) -> None:
    results = {}
    for choice in ("all", "response"):
        spec = tiny_trial(shared_config, 0.5, 0, loss_on=choice)
        results[choice] = TrialRunner(shared_config).run(spec, 1, lambda progress: None)
    assert results["all"].weights_sha256 != results["response"].weights_sha256
    assert results["all"].stable_checkpoint == results["response"].stable_checkpoint
    assert results["all"].bytes_per_token["text"] > 1
    # A study that does not choose is the study that it always was.
    assert "loss_on" not in Recipe.canonical(tiny_study())


def test_at_share_zero_the_choice_changes_nothing(shared_config: WorkerConfig) -> None:
    hashes = set()
    for choice in ("all", "response"):
        spec = tiny_trial(shared_config, 0.0, 0, loss_on=choice)
        result = TrialRunner(shared_config).run(spec, 1, lambda progress: None)
        hashes.add(round(result.curve[-1].loss, 5))
    assert len(hashes) == 1
