"""Packed trials against the same trials one by one: the ordinary loop, model and optimiser."""

from typing import Any

import numpy as np
import pytest
import torch

from mixtures.phases import Optimiser
from tests.workers.tiny_study import tiny_proxy
from workers.optim import make_optimiser
from workers.packed import Packed
from workers.stream import Stream
from workers.tokenised import TokenisedSource
from workers.train import train
from workers.xmodel2 import Xmodel2

# Seeds, first shares and peak rates of three models.
TRIALS = [(3, 0.2, 0.02), (4, 0.5, 0.005), (9, 0.9, 0.01)]
SPEC = Optimiser(peak_lr=0.01, batch_tokens=4 * 32, clip_norm=0.7)
STEPS = 6


def stream_of(seed: int, share: float) -> Stream:
    tokens = np.random.default_rng(1).integers(0, 400, 4001, dtype=np.int32)
    sources = {
        "low": TokenisedSource(tokens // 4, 32),
        "high": TokenisedSource(399 - tokens // 3, 32),
    }
    return Stream(sources, {"low": share, "high": 1 - share}, seed)


def model_of(seed: int, shape: dict[str, Any]) -> Xmodel2:
    model = Xmodel2(tiny_proxy(**shape))
    model.init_weights(seed)
    # Adam divides small gradients by themselves: in fp32 their rounding would show in the weights.
    return model.double()


def fetched(packed: Packed, index: int) -> dict[str, torch.Tensor]:
    """The weights of one of the models."""
    model = Xmodel2(packed.proxy).double()
    packed.fetch(index, model, make_optimiser(model, SPEC))
    return {name: weight.detach() for name, weight in model.named_parameters()}


def factor(index: int) -> float:
    return 1.0 - index / STEPS


@pytest.mark.parametrize(
    "shape", [{}, {"num_kv_heads": 2, "tied_embedding": False, "mlp_scale_depth": 0.7}]
)
def test_packed_trials_equal_unpacked_ones(shape: dict[str, Any]) -> None:
    alone, losses = [], []
    for seed, share, rate in TRIALS:
        model = model_of(seed, shape)
        spec = SPEC.model_copy(update={"peak_lr": rate})
        optimiser = make_optimiser(model, spec)
        steps = list(train(model, optimiser, stream_of(seed, share), spec, STEPS, factor))
        alone.append(model)
        losses.append([step.loss for step in steps])
    packed = Packed([model_of(seed, shape) for seed, _, _ in TRIALS], SPEC)
    streams = [stream_of(seed, share) for seed, share, _ in TRIALS]
    for index in range(STEPS):
        tokens = torch.from_numpy(np.stack([stream.next_batch(4) for stream in streams]))
        found = packed.step(tokens, [rate * factor(index) for _, _, rate in TRIALS])
        assert found == pytest.approx([one[index] for one in losses], rel=1e-11)
    for index, model in enumerate(alone):
        for name, weight in fetched(packed, index).items():
            wanted = dict(model.named_parameters())[name]
            difference = (weight - wanted).abs().max() / wanted.abs().max()
            assert difference < 1e-9, (index, name)


def test_packed_trials_go_on_from_the_state_of_an_optimiser() -> None:
    seed, share, rate = TRIALS[0]
    model = model_of(seed, {})
    spec = SPEC.model_copy(update={"peak_lr": rate})
    optimiser = make_optimiser(model, spec)
    list(train(model, optimiser, stream_of(seed, share), spec, 3, factor))
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    packed = Packed([model, model], spec)
    packed.put(0, model, optimiser)
    packed.put(1, model, optimiser)
    # Both go on with the first batch of another stream.
    batch = torch.from_numpy(stream_of(7, share).next_batch(4))
    packed.step(torch.stack([batch, batch]), [rate, 0.0])
    list(train(model, optimiser, stream_of(7, share), spec, 1, lambda index: 1.0))
    for name, weight in fetched(packed, 0).items():
        wanted = dict(model.named_parameters())[name]
        assert (weight - wanted).abs().max() < 1e-9 * wanted.abs().max(), name
    # A rate of zero leaves its own model alone, and only that.
    for name, weight in fetched(packed, 1).items():
        assert torch.equal(weight, before[name]), name


def test_a_loss_on_some_targets_is_the_unpacked_one() -> None:
    rng = np.random.default_rng(5)
    tokens = torch.from_numpy(rng.integers(0, 400, (3, 4, 33)))
    counted = torch.from_numpy(rng.random((3, 4, 32)) < 0.3)
    counted[1] = False  # a batch of plain prompts
    models = [model_of(seed, {}) for seed, _, _ in TRIALS]
    losses = Packed(models, SPEC).step(tokens, [0.0] * 3, counted)
    wanted = [
        model.loss_sum(tokens[index], counted[index]).item() / max(1, int(counted[index].sum()))
        for index, model in enumerate(models)
    ]
    assert losses == pytest.approx(wanted, rel=1e-11)
    assert losses[1] == 0.0
