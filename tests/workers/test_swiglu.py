"""The gated MLP against torch's linear, silu and product."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from workers.swiglu import swiglu_mlp


def made(*shape: int, width: int, ffn_width: int) -> tuple[Tensor, ...]:
    """x (*shape, width) and the three weights in float64, all of which want a gradient."""
    shapes = [(*shape, width), (ffn_width, width), (ffn_width, width), (width, ffn_width)]
    return tuple(torch.randn(one, dtype=torch.float64, requires_grad=True) for one in shapes)


def plain(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def test_value_and_gradients_equal_those_of_torch() -> None:
    inputs = made(3, 5, width=4, ffn_width=7)
    ours, theirs = swiglu_mlp(*inputs), plain(*inputs)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-13)
    weights = torch.randn_like(ours)
    for mine, wanted in zip(
        torch.autograd.grad(ours, inputs, weights),
        torch.autograd.grad(theirs, inputs, weights),
        strict=True,
    ):
        assert torch.allclose(mine, wanted, rtol=0, atol=1e-13)


def test_fp32_goes_through_other_products_to_the_same_numbers() -> None:
    exact = made(2, 9, width=16, ffn_width=24)
    single = [one.detach().float().requires_grad_() for one in exact]
    weights = torch.randn(2, 9, 16, dtype=torch.float64)
    wanted = torch.autograd.grad(plain(*exact), exact, weights)
    for mine, one in zip(
        torch.autograd.grad(swiglu_mlp(*single), single, weights.float()), wanted, strict=True
    ):
        assert float((mine - one).abs().max() / one.abs().max()) < 1e-5


def test_a_second_backward_is_an_error_and_not_a_wrong_gradient() -> None:
    inputs = made(4, width=3, ffn_width=5)
    total = swiglu_mlp(*inputs).sum()
    total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()  # type: ignore[no-untyped-call]
