"""muP checked: activations keep their size over the width while the model learns, with muP alone.

The full ranges, widths 64 to 512 and depths 4 to 32, are in bench/mup_coordinates.py.
"""

import pytest
import torch

from bench.mup_coordinates import (
    MAX_RATIO,
    RATE,
    check_proxy,
    mean_sizes,
    ratios_across_width,
    sizes_of,
)
from mixtures.phases import Decay, Optimiser
from mixtures.proxy import Proxy
from workers.mup import hidden_init_std, hidden_lr_multiplier, muon_lr_multiplier
from workers.optim import make_optimiser, set_learning_rate
from workers.xmodel2 import Xmodel2

NUM_SEEDS_OF_WIDTH = {64: 6, 256: 3}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_rules_of_the_table_at_the_reports_sizes() -> None:
    # m = 1536 / 256 = 6 for the 1.2B, 1 for nano, .375 for pico.
    multipliers = {}
    for preset in ("1.2b", "nano", "pico"):
        proxy = Proxy.model_validate(preset)
        multipliers[preset] = (
            hidden_init_std(proxy),
            hidden_lr_multiplier(proxy),
            muon_lr_multiplier(proxy),
        )
    assert multipliers["1.2b"] == pytest.approx((0.1 / 6**0.5, 1 / 6, 1 / 6**0.5))
    assert multipliers["nano"] == (0.1, 1.0, 1.0)
    assert multipliers["pico"] == pytest.approx((0.1 / 0.375**0.5, 1 / 0.375, 1 / 0.375**0.5))


def test_activations_keep_their_size_over_four_times_the_width() -> None:
    traces = [
        mean_sizes(check_proxy(width, 4, is_mup=True), RATE, num_seeds)
        for width, num_seeds in NUM_SEEDS_OF_WIDTH.items()
    ]
    ratios = ratios_across_width(traces)
    assert len(ratios) == 3 + 2 * 4  # embedding, residual, logits; attention and MLP of each layer
    assert max(ratios.values()) <= MAX_RATIO, ratios


def test_the_standard_parametrisation_fails_the_same_check() -> None:
    traces = [mean_sizes(check_proxy(width, 4, is_mup=False), RATE, 1) for width in (64, 256)]
    ratios = ratios_across_width(traces)
    # All but the embedding's output, which no rule of width touches.
    assert {part for part, ratio in ratios.items() if ratio <= MAX_RATIO} == {"embedding"}
    assert max(ratios.values()) > 5


def test_the_residual_stream_starts_at_one_size_at_every_depth() -> None:
    # scale_depth / sqrt(L). A step of Adam moves the 2 L branches one way, so that the sum of what
    # they change grows with sqrt(L): MiniCPM's table, and so Xmodel-2's, has no depth in the rate.
    def residual(num_layers: int, is_scaled: bool) -> float:
        proxy = check_proxy(64, num_layers, is_mup=True)
        if not is_scaled:
            proxy = proxy.model_copy(update={"scale_depth": 1.4 * num_layers**0.5})
        model = Xmodel2(proxy)
        model.init_weights(0)
        tokens = torch.randint(0, 512, (8, 32), generator=torch.Generator().manual_seed(0))
        return sizes_of(model, tokens)["residual"]

    sizes = [residual(num_layers, is_scaled=True) for num_layers in (4, 8, 16, 32)]
    assert max(sizes) / min(sizes) < 1.1
    assert residual(32, is_scaled=False) / residual(4, is_scaled=False) > 2


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_one_step_moves_a_layers_output_as_much_at_every_width(optimiser: str) -> None:
    # The rules of the rate: 1 / m for Adam, 1 / sqrt(m) for Muon. On features that all sequences
    # share, as the gradient of a real batch has them.
    def change(width: int) -> float:
        model = Xmodel2(check_proxy(width, 1, is_mup=True))
        model.init_weights(0)
        layer = model.model.layers[0].mlp.gate_proj
        x = torch.randn(4, width, generator=torch.Generator().manual_seed(1))
        target = torch.randn(4, len(layer.weight), generator=torch.Generator().manual_seed(2))
        steps = make_optimiser(model, Optimiser(weight_decay=0), Decay(optimiser=optimiser))
        set_learning_rate(steps, 0.01)
        before = layer(x).detach()
        (layer(x) * target).sum().backward()
        steps.step()
        return (layer(x).detach() - before).abs().mean().item()

    changes = [change(width) for width in (64, 256, 1024)]
    assert max(changes) / min(changes) < MAX_RATIO, changes
