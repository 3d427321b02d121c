"""silu(gate) * up with its own backward: three passes over the activations instead of six.

With s = silu(g) kept from the forward, of out = s u with gradient d:

    du = d s,  dg = d u silu'(g)

Both are written into one gradient of (gate, up), which is what the joint projection wants.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def swiglu(gate_up: Tensor) -> Tensor:
    """`gate_up` is (..., 2F), the gates first; returns (..., F)."""
    out: Tensor = _Swiglu.apply(gate_up)  # type: ignore[no-untyped-call]
    return out


class _Swiglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, dim=-1)
        silu = torch.nn.functional.silu(gate)
        ctx.save_for_backward(gate_up, silu)
        return silu * up

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor) -> Tensor:
        gate_up, silu = ctx.saved_tensors
        gate, up = gate_up.chunk(2, dim=-1)
        grad = torch.empty_like(gate_up)
        dgate, dup = grad.chunk(2, dim=-1)
        torch.mul(dout, silu, out=dup)
        torch.ops.aten.silu_backward.grad_input(dout * up, gate, grad_input=dgate)
        return grad
