"""The norm against torch's own."""

import torch
import torch.nn.functional as F

from workers.rms_norm import rms_norm

EPS = 1e-2  # large enough to be seen


def test_value_and_gradients_equal_those_of_torch() -> None:
    x = torch.randn(3, 5, 8, dtype=torch.float64, requires_grad=True)
    gain = torch.randn(8, dtype=torch.float64, requires_grad=True)
    ours, theirs = rms_norm(x, gain, EPS), F.rms_norm(x, (8,), gain, EPS)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-14)
    weights = torch.randn_like(ours)
    for mine, wanted in zip(
        torch.autograd.grad(ours, (x, gain), weights),
        torch.autograd.grad(theirs, (x, gain), weights),
        strict=True,
    ):
        assert torch.allclose(mine, wanted, rtol=0, atol=1e-13)


def test_the_derivative_is_right_by_finite_differences() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    gain = torch.randn(4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, g: rms_norm(a, g, EPS), (x, gain))
