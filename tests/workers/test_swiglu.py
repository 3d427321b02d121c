"""The gate against torch's silu and product."""

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.swiglu import swiglu


def made(*shape: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(2))


def test_value_and_gradient_equal_those_of_torch() -> None:
    gate, up = made(3, 5, 4)
    ours, theirs = swiglu(gate, up), F.silu(gate) * up
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-14)
    weights = torch.randn_like(ours)
    for mine, wanted in zip(
        torch.autograd.grad(ours, (gate, up), weights),
        torch.autograd.grad(theirs, (gate, up), weights),
        strict=True,
    ):
        assert torch.allclose(mine, wanted, rtol=0, atol=1e-14)


def test_the_derivative_is_right_by_finite_differences() -> None:
    assert torch.autograd.gradcheck(swiglu, made(4, 3))
