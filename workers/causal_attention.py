"""Causal grouped-query attention with RoPE for one CPU core and short contexts, made for cache.

torch's CPU kernel recomputes the softmax in its backward, masks the upper half of the scores
instead of leaving it out, and wants rotated copies of queries and keys. Here the queries go in
blocks of `ROWS` rows. For block i, with the C = (i + 1) ROWS keys that it may see,

    S = Q_i K^T,  P = softmax(S + mask),  O_i = P V

so nothing above the diagonal's blocks is computed. P is kept: half of T x T numbers a head, little
at these lengths. The backward is the textbook's (as in FlashAttention, arXiv 2205.14135, appendix
B.4), block by block:

    dV += P^T dO_i,  dP = dO_i V^T,  dS = P (dP - rowsum(P dP)),  dQ_i = dS K,  dK += dS^T Q_i

The G = H / K query heads of one KV head are stacked into the rows of each block's matrix, so that
their keys and values are read once and their gradients summed by the product itself. Rotation is
part of the copy that brings a block's rows together, the scale is part of the products, and the
backward of a rotation is the rotation by minus the angle.

Shapes: B batch, T tokens, H query heads, K key-value heads, G = H / K, h head width.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Query rows in one block: fewer leave more of the upper half out, more give larger products.
ROWS = 64


def causal_attention(
    qkv: Tensor, cos: Tensor, sin: Tensor, num_heads: int, num_kv_heads: int, scale: float
) -> Tensor:
    """Attention of projected, not yet rotated heads.

    `qkv` is (B, T, (H + 2K) h): all query heads, then key heads, then value heads. `cos` and `sin`
    are the half-split tables (T, h) of `workers.xmodel2.rope_tables`. Returns (B, T, H h).
    """
    half = cos.shape[-1] // 2
    out: Tensor = _CausalAttention.apply(  # type: ignore[no-untyped-call]
        qkv, cos[:, :half], sin[:, :half], num_heads, num_kv_heads, scale
    )
    return out


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor, num_heads: int, kv_heads: int, scale: float
    ) -> Tensor:
        B, T, _ = qkv.shape
        K, G = kv_heads, num_heads // kv_heads
        q, k, v = _heads(qkv, K, G)
        h = q.shape[-1]
        queries = qkv.new_empty(B, K, T * G, h)
        for part, stacked in _stacks(queries, T, G):
            angle = _by_block(cos[part]), _by_block(sin[part])
            _rotate(_by_block(q[..., part, :]), *angle, out=stacked)
        keys = _rotate(k, cos, sin, out=qkv.new_empty(B, K, T, h)).flatten(0, 1)
        values = v.reshape(B * K, T, h)
        queries = queries.flatten(0, 1)
        future = torch.full((ROWS, ROWS), -torch.inf, dtype=qkv.dtype).triu(1)
        out = qkv.new_empty(B, T, K, G, h)
        by_head = out.permute(0, 2, 3, 1, 4)
        weights = []
        for start in range(0, T, ROWS):
            stop = min(start + ROWS, T)
            rows = stop - start
            p = qkv.new_empty(B * K, G * rows, stop)
            block, seen = queries[:, start * G : stop * G], keys[:, :stop].transpose(1, 2)
            torch.baddbmm(p, block, seen, beta=0, alpha=scale, out=p)
            p.view(B * K, G, rows, stop)[..., start:].add_(future[:rows, :rows])
            torch.softmax(p, -1, out=p)
            o = torch.bmm(p, values[:, :stop])
            by_head[..., start:stop, :] = o.view(B, K, G, rows, h)
            weights.append(p)
        ctx.save_for_backward(cos, sin, queries, keys, values, *weights)
        ctx.sizes, ctx.scale = (B, T, K, G, h), scale
        return out.view(B, T, K * G * h)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor) -> tuple[Tensor | None, ...]:
        B, T, K, G, h = ctx.sizes
        cos, sin, queries, keys, values, *weights = ctx.saved_tensors
        dqkv = dout.new_empty(B, T, (G + 2) * K * h)
        dq, dk, dv = _heads(dqkv, K, G)
        dqueries = torch.empty_like(queries)
        dkeys, dvalues = torch.zeros_like(keys), torch.zeros_like(values)
        by_head = dout.view(B, T, K, G, h).permute(0, 2, 3, 1, 4)
        for start, p in zip(range(0, T, ROWS), weights, strict=True):
            stop = min(start + ROWS, T)
            own = slice(start * G, stop * G)
            do = by_head[..., start:stop, :].reshape(B * K, G * (stop - start), h)
            dvalues[:, :stop].baddbmm_(p.transpose(1, 2), do)
            dp = torch.bmm(do, values[:, :stop].transpose(1, 2))
            ds = torch._softmax_backward_data(dp, p, -1, p.dtype)
            dkeys[:, :stop].baddbmm_(ds.transpose(1, 2), queries[:, own], alpha=ctx.scale)
            dqueries[:, own] = torch.bmm(ds, keys[:, :stop])
        for part, stacked in _stacks(dqueries.view(B, K, T * G, h), T, G):
            angle = _by_block(cos[part] * ctx.scale), _by_block(sin[part] * -ctx.scale)
            # Through a copy: rotating into the strided place itself takes five times as long.
            _by_block(dq[..., part, :]).copy_(_rotate(stacked, *angle, torch.empty_like(stacked)))
        dkeys = dkeys.view(B, K, T, h)
        dk.copy_(_rotate(dkeys, cos, -sin, torch.empty_like(dkeys)))
        dv.copy_(dvalues.view(B, K, T, h))
        return dqkv, None, None, None, None, None


def _heads(qkv: Tensor, K: int, G: int) -> tuple[Tensor, Tensor, Tensor]:
    """Views of the parts of (B, T, (H + 2K) h): (B, K, G, T, h) and twice (B, K, T, h)."""
    B, T, _ = qkv.shape
    q, k, v = torch.split(qkv.view(B, T, (G + 2) * K, -1), [G * K, K, K], dim=2)
    return q.view(B, T, K, G, -1).permute(0, 2, 3, 1, 4), k.transpose(1, 2), v.transpose(1, 2)


def _stacks(queries: Tensor, T: int, G: int) -> Iterator[tuple[slice, Tensor]]:
    """`queries` (B, K, T G, h) as blocks of G heads' rows: the whole ones, then a shorter one.

    Yields the rows of the sequence and the view (B, K, blocks, G, rows, h) of their place.
    """
    B, K, _, h = queries.shape
    whole = T - T % ROWS
    if whole:
        yield slice(0, whole), queries[:, :, : whole * G].view(B, K, -1, G, ROWS, h)
    if whole < T:
        yield slice(whole, T), queries[:, :, whole * G :].view(B, K, 1, G, T - whole, h)


def _by_block(x: Tensor) -> Tensor:
    """View of (..., G, T, h) as (..., T / ROWS, G, ROWS, h), of a table (T, h) with G = 1."""
    if x.dim() == 2:
        x = x[None]
    T, h = x.shape[-2:]
    return x.view([*x.shape[:-2], -1, min(ROWS, T), h]).transpose(-4, -3)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor) -> Tensor:
    """Half-split RoPE of x (..., T, h) by tables (..., T, h / 2), written to `out`."""
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    torch.mul(first, cos, out=out[..., :half]).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=out[..., half:]).addcmul_(first, sin)
    return out
