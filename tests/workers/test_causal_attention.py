"""The attention kernel against torch's own, value by value and derivative by derivative."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from workers import causal_attention as module
from workers.causal_attention import causal_attention
from workers.xmodel2 import rope_tables, rotate

# Batch, tokens, query heads, KV heads, head width. Lengths around the block's rows, and odd ones.
SHAPES = [
    (2, 256, 3, 1, 32),
    (2, 128, 4, 4, 16),
    (1, 129, 4, 2, 8),
    (3, 63, 2, 2, 4),
    (2, 65, 6, 3, 2),
    (2, 1, 3, 1, 8),
]


def plain_attention(qkv: Tensor, cos: Tensor, sin: Tensor, H: int, K: int, scale: float) -> Tensor:
    """The same by torch: split, rotate, scaled_dot_product_attention."""
    B, T, _ = qkv.shape
    heads = qkv.view(B, T, H + 2 * K, -1).transpose(1, 2)
    q, k, v = torch.split(heads, [H, K, K], dim=1)
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, enable_gqa=H != K)
    return out.transpose(1, 2).reshape(B, T, -1)


def projected(B: int, T: int, H: int, K: int, h: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(T)
    qkv = torch.randn(B, T, (H + 2 * K) * h, generator=generator, dtype=torch.float64)
    cos, sin = rope_tables(T, h, 100.0)
    return qkv.requires_grad_(), cos.double(), sin.double()


@pytest.mark.parametrize("shape", SHAPES)
def test_attention_and_its_gradient_equal_those_of_torch(shape: tuple[int, ...]) -> None:
    H, K = shape[2:4]
    qkv, cos, sin = projected(*shape)
    ours = causal_attention(qkv, cos, sin, H, K, 0.3)
    theirs = plain_attention(qkv, cos, sin, H, K, 0.3)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)
    weights = torch.randn_like(ours)
    (ours_grad,) = torch.autograd.grad(ours, qkv, weights)
    (theirs_grad,) = torch.autograd.grad(theirs, qkv, weights)
    assert torch.allclose(ours_grad, theirs_grad, rtol=0, atol=1e-11)


def test_the_derivative_is_right_by_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two rows a block: five tokens are two whole blocks and a shorter one.
    monkeypatch.setattr(module, "ROWS", 2)
    qkv, cos, sin = projected(1, 5, 2, 1, 2)
    assert torch.autograd.gradcheck(lambda x: causal_attention(x, cos, sin, 2, 1, 0.5), (qkv,))


def test_a_token_sees_none_that_comes_later() -> None:
    qkv, cos, sin = projected(1, 130, 2, 1, 8)
    changed = qkv.detach().clone()
    changed[:, 70:] += 1.0
    before = causal_attention(qkv, cos, sin, 2, 1, 0.4)
    after = causal_attention(changed, cos, sin, 2, 1, 0.4)
    assert torch.equal(before[:, :70], after[:, :70])
    assert not torch.allclose(before[:, 70:], after[:, 70:])
