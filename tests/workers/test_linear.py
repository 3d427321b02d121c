"""Products through oneDNN against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from workers.linear import linear


# Through oneDNN where there is one, and through torch.
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(2, 5, 8), (7, 8), (1, 1, 8), (0, 8)])
def test_value_and_gradients_equal_those_of_torch(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True)
    weight = torch.randn(6, 8, generator=generator, dtype=dtype, requires_grad=True)
    ours, theirs = linear(x, weight), F.linear(x, weight)
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    weights = torch.randn(ours.shape, generator=generator, dtype=dtype)
    for mine, wanted in zip(
        torch.autograd.grad(ours, (x, weight), weights),
        torch.autograd.grad(theirs, (x, weight), weights),
        strict=True,
    ):
        assert torch.allclose(mine, wanted, rtol=1e-5, atol=1e-5)


def test_the_same_product_has_the_same_bits_wherever_its_numbers_lie() -> None:
    generator = torch.Generator().manual_seed(1)
    numbers = torch.randn(64 * 96 + 1, generator=generator)
    weight = torch.randn(160, 96, generator=generator)
    apart = torch.empty(64 * 96 + 1)[1:].copy_(numbers[1:])
    there = linear(numbers[1:].view(64, 96), weight)
    assert torch.equal(there, linear(apart.clone().view(64, 96), weight))
    assert torch.equal(there, linear(apart.view(64, 96), weight.clone()))
