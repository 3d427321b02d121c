"""The model against transformers' Granite, which is the same function with other names."""

import math
from typing import Any

import pytest
import torch

from mixtures.proxy import PRESETS, Proxy
from tests.workers.granite import granite_like, mlp_fold
from tests.workers.tiny_study import tiny_proxy
from workers.xmodel2 import Xmodel2, rope_tables, rotate

SHAPES: list[dict[str, Any]] = [
    {"num_heads": 4, "num_kv_heads": 2},  # grouped
    {"num_heads": 4, "num_kv_heads": 1},  # one KV head for all
    {"num_heads": 2, "num_kv_heads": 2},  # as many as heads
    {"num_heads": 4, "num_kv_heads": 2, "tied_embedding": False},
    {"num_layers": 3, "dim_model_base": 256, "scale_emb": 3.0, "scale_depth": 0.7},
    {"rope_base": 500_000.0, "ffn_width": 40},
    {"num_heads": 4, "num_kv_heads": 2, "attention_scale": "1/h"},
    {"attention_scale": 0.3, "rms_norm_eps": 1e-3},
    {"output_multiplier": 2.5, "tied_embedding": False},
    {"num_layers": 3, "scale_depth": 0.7, "mlp_scale_depth": 2.1},
    {"scale_depth": 2.0, "mlp_scale_depth": 0.5, "attention_scale": "1/h", "num_kv_heads": 2},
]


def model_and_tokens(length: int, **shape: Any) -> tuple[Xmodel2, torch.Tensor]:
    model = Xmodel2(tiny_proxy(**shape))
    model.init_weights(1)
    with torch.no_grad():
        # Gains of 1 would hide a gain that is not applied.
        for weight in model.parameters():
            if weight.dim() == 1:
                weight += 0.1 * torch.arange(len(weight)).sin()
    tokens = torch.randint(0, 400, (3, length), generator=torch.Generator().manual_seed(2))
    return model, tokens


def relative_difference(ours: torch.Tensor, reference: torch.Tensor) -> float:
    return float((ours - reference).abs().max() / reference.abs().max())


@pytest.mark.parametrize("length", [1, 7, 32])
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_equal_those_of_granite(shape: dict[str, Any], length: int) -> None:
    model, tokens = model_and_tokens(length, **shape)
    with torch.no_grad():
        ours, reference = model(tokens), granite_like(model)(input_ids=tokens).logits
    assert ours.shape == (3, length, 400)
    assert relative_difference(ours, reference) < 1e-5


@pytest.mark.parametrize("shape", SHAPES)
def test_loss_and_gradients_equal_those_of_granite(shape: dict[str, Any]) -> None:
    model, tokens = model_and_tokens(21, **shape)
    granite = granite_like(model)
    loss = model.loss(tokens)
    loss.backward()
    # Granite shifts by itself: the same targets as ours.
    reference = granite(input_ids=tokens, labels=tokens).loss
    reference.backward()
    assert loss.item() == pytest.approx(reference.item(), rel=1e-5)
    theirs = dict(granite.named_parameters())
    ours = dict(model.named_parameters())
    assert set(ours) == set(theirs)
    for name, weight in ours.items():
        assert weight.grad is not None
        reference_grad = theirs[name].grad
        if "down_proj" in name:
            reference_grad = reference_grad * mlp_fold(model.proxy)
        assert relative_difference(weight.grad, reference_grad) < 1e-5, name


def test_the_future_does_not_change_the_past() -> None:
    model, tokens = model_and_tokens(12)
    changed = tokens.clone()
    changed[:, 8:] = (changed[:, 8:] + 1) % 400
    with torch.no_grad():
        before, after = model(tokens), model(changed)
    assert torch.allclose(before[:, :8], after[:, :8], atol=1e-6)
    assert not torch.allclose(before[:, 8:], after[:, 8:], atol=1e-3)


def test_the_number_of_parameters_is_that_of_the_proxy() -> None:
    for proxy in (tiny_proxy(), tiny_proxy(tied_embedding=False), Proxy.model_validate("pico")):
        model = Xmodel2(proxy)
        assert sum(weight.numel() for weight in model.parameters()) == proxy.num_parameters


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("tied", [True, False])
def test_the_modules_of_every_preset_have_its_counts(preset: str, tied: bool) -> None:
    proxy = Proxy.model_validate({"preset": preset, "tied_embedding": tied})
    with torch.device("meta"):
        model = Xmodel2(proxy)
    sizes = {name: weight.numel() for name, weight in model.named_parameters()}
    tables = sizes["model.embed_tokens.weight"] + sizes.get("lm_head.weight", 0)
    assert sum(sizes.values()) == proxy.num_parameters
    assert sum(sizes.values()) - tables == proxy.num_non_embedding_parameters


def test_parameter_names_are_those_of_the_published_checkpoint() -> None:
    # FACTS: nine tensors a layer, the embedding and the final norm; the head is the embedding.
    names = {name for name, _ in Xmodel2(tiny_proxy(num_layers=1)).named_parameters()}
    attention = {f"model.layers.0.self_attn.{part}_proj.weight" for part in "qkvo"}
    mlp = {f"model.layers.0.mlp.{part}_proj.weight" for part in ("gate", "up", "down")}
    norms = {
        "model.layers.0.input_layernorm.weight",
        "model.layers.0.post_attention_layernorm.weight",
        "model.norm.weight",
    }
    assert names == attention | mlp | norms | {"model.embed_tokens.weight"}


def test_rope_pairs_coordinate_i_with_i_plus_half() -> None:
    # Head of width 4 at position 3 with base 100: angles 3 * 100^0 and 3 * 100^(-1/2).
    cos, sin = rope_tables(4, 4, 100.0)
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 3] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    out = rotate(x, cos, sin)[0, 0, 3]
    a, b = 3.0, 0.3
    expected = [
        1 * math.cos(a) - 3 * math.sin(a),
        2 * math.cos(b) - 4 * math.sin(b),
        3 * math.cos(a) + 1 * math.sin(a),
        4 * math.cos(b) + 2 * math.sin(b),
    ]
    assert out.tolist() == pytest.approx(expected, rel=1e-6)


def test_the_first_position_is_not_rotated() -> None:
    cos, sin = rope_tables(2, 8, 10_000.0)
    x = torch.arange(16.0).view(1, 1, 2, 8)
    assert torch.equal(rotate(x, cos, sin)[0, 0, 0], x[0, 0, 0])


def test_initial_weights_have_the_standard_deviations_of_mup() -> None:
    # m = 256 / 64 = 4, so linear weights have half of the embedding's 0.1.
    proxy = tiny_proxy(width=256, ffn_width=256, dim_model_base=64, init_std=0.1, vocab_size=2000)
    model = Xmodel2(proxy)
    model.init_weights(0)
    for name, weight in model.named_parameters():
        if weight.dim() == 1:
            assert torch.equal(weight, torch.ones_like(weight))
            continue
        wanted = 0.1 if name == "model.embed_tokens.weight" else 0.05
        # 32,768 draws at least: a standard error of 0.4 % of the deviation.
        assert weight.std().item() == pytest.approx(wanted, rel=0.02), name
        assert abs(weight.mean().item()) < 0.02 * wanted, name


def test_output_projections_may_have_the_deviation_of_the_megatron_fork() -> None:
    # sigma / sqrt(2 L) = 0.1 / sqrt(4), where other weights have 0.1 / sqrt(m) = 0.1 / 4.
    proxy = tiny_proxy(width=256, ffn_width=256, dim_model_base=16, output_init="by_depth")
    model = Xmodel2(proxy)
    model.init_weights(0)
    for name, weight in model.named_parameters():
        if "o_proj" in name or "down_proj" in name:
            assert weight.std().item() == pytest.approx(0.05, rel=0.02), name
        elif "q_proj" in name or "up_proj" in name:
            assert weight.std().item() == pytest.approx(0.025, rel=0.02), name


def test_weights_are_those_of_the_seed() -> None:
    def embedding(seed: int) -> torch.Tensor:
        model = Xmodel2(tiny_proxy())
        # The global generator must not matter.
        torch.rand(seed + 1)
        model.init_weights(seed)
        return model.model.embed_tokens.weight.detach()

    assert torch.equal(embedding(4), embedding(4))
    assert not torch.equal(embedding(4), embedding(5))
