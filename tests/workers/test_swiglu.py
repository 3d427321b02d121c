"""The joint gate against torch's silu and product."""

import torch
import torch.nn.functional as F

from workers.swiglu import swiglu


def test_value_and_gradient_equal_those_of_torch() -> None:
    x = torch.randn(3, 5, 8, dtype=torch.float64, requires_grad=True)
    gate, up = x.chunk(2, dim=-1)
    ours, theirs = swiglu(x), F.silu(gate) * up
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-14)
    weights = torch.randn_like(ours)
    (mine,) = torch.autograd.grad(ours, x, weights)
    (wanted,) = torch.autograd.grad(theirs, x, weights)
    assert torch.allclose(mine, wanted, rtol=0, atol=1e-14)


def test_the_derivative_is_right_by_finite_differences() -> None:
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(swiglu, (x,))
