"""Linear layers through oneDNN where torch has it: a tenth faster than its BLAS on these matrices.

torch gives fp32 products on a CPU to MKL, whose code for AMD's cores writes zeros to the result
before it adds to it; oneDNN's, of the same torch, uses AVX-512 and does not. It has a plain
product with the second matrix in either layout, which is

    y = x W^T,  dx = dy W

For dW = dy^T x it would have to copy both matrices, so that stays with BLAS. Where there is no
oneDNN, or the numbers are not fp32 on a CPU, all of it is torch's own.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """x (..., I) times the transposed weight (O, I), without a bias: (..., O)."""
    if not _is_served(x):
        return F.linear(x, weight)
    out: Tensor = _Linear.apply(x, weight)  # type: ignore[no-untyped-call]
    return out


def product(x: Tensor, weight: Tensor) -> Tensor:
    """The same without a derivative of its own: for use inside other kernels."""
    if not _is_served(x):
        return F.linear(x, weight)
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return out


def _is_served(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0 and _has_onednn()


@cache
def _has_onednn() -> bool:
    """The operation is torch's inductor's, not public: another release may not have it."""
    is_built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return is_built and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return product(dout, weight.t()), dout.flatten(0, -2).t() @ x.flatten(0, -2)
