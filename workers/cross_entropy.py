"""The output projection and the cross-entropy in one: logits live a chunk of rows at a time.

For hidden states x (N, D), weight W (V, D), logits z = x W^T and targets t:

    p = softmax(z),  loss = sum(-log p_t),  dz = p - onehot(t),  dx = dz W,  dW = dz^T x

The gradient of the logits needs nothing that the forward does not have, so it is made there, in
the buffer that holds the chunk's logits, and (N, V) never exists. One exponential of each logit
instead of two, and the buffer stays in cache. The idea is that of Liger Kernel (arXiv 2410.10989).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from workers.linear import product

# Logits in one chunk: 4 MB in fp32, which the second or third cache of a core holds.
CHUNK_LOGITS = 1 << 20
# Nats up to which a probability is far from the smallest number of fp32 (e^-87).
LARGEST_LOSS = 60.0


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Summed cross-entropy in nats of hidden (N, D) through weight (V, D), targets (N,) int64."""
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        N, V = len(hidden), len(weight)
        rows = max(1, CHUNK_LOGITS // V)
        is_training = any(ctx.needs_input_grad)
        dhidden = torch.empty_like(hidden) if is_training else None
        dweight = torch.zeros_like(weight) if is_training else None
        total = hidden.new_zeros((), dtype=torch.float64)
        for start in range(0, N, rows):
            x, t = hidden[start : start + rows], targets[start : start + rows, None]
            p = product(x, weight)
            torch.softmax(p, -1, out=p)
            losses = p.gather(1, t).log_().neg_()
            if not losses.max() < LARGEST_LOSS:
                # exp underflows long before its argument does.
                losses = F.cross_entropy(x @ weight.t(), t[:, 0], reduction="none")
            total += losses.sum(dtype=torch.float64)
            if dhidden is not None and dweight is not None:
                p.scatter_add_(1, t, p.new_full(t.shape, -1.0))
                dhidden[start : start + rows] = product(p, weight.t())
                dweight.addmm_(p.t(), x)
        ctx.save_for_backward(dhidden, dweight)
        return total.to(hidden.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dloss: Tensor) -> tuple[Tensor, Tensor, None]:
        dhidden, dweight = ctx.saved_tensors
        return dhidden * dloss, dweight * dloss, None
