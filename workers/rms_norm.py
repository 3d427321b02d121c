"""RMSNorm with its own backward; torch's on a CPU is a chain of small operations.

With r = (mean(x^2) + eps)^(-1/2), n = r x and y = g n, of a gradient d of y:

    dg = sum over rows of d n,  dx = r (d g - n mean(d g n))
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def rms_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """y = gain * x / sqrt(mean(x^2) + eps) over the last dimension of x (..., D)."""
    out: Tensor = _RMSNorm.apply(x, gain, eps)  # type: ignore[no-untyped-call]
    return out


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, eps: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        r = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        normed: Tensor = x * r
        ctx.save_for_backward(normed, r, gain)
        return normed * gain

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor) -> tuple[Tensor, Tensor, None]:
        normed, r, gain = ctx.saved_tensors
        product = (dout * normed).flatten(0, -2)  # (rows, D)
        dgain = product.sum(0)
        mean = (product @ gain).div_(len(gain)).view_as(r)
        dx = (dout * gain).addcmul_(normed, mean, value=-1).mul_(r)
        return dx, dgain, None
