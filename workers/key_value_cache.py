"""Going on from text that the model has read: keys and values are kept, not computed again.

`prefill` reads texts from their beginning, with the fast attention of the training step; `extend`
goes on from there, any number of tokens at a time. Texts of a batch are padded to the right; each
row writes at its own positions and sees none after the one that it stands at, so padding is never
read by a token that counts.

Shapes: B rows, T tokens, H query heads, K key-value heads, h head width, D width.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.xmodel2 import Block, Xmodel2, rotate


class KeyValueCache:
    """Keys and values of one layer: (B, K, positions, h) each."""

    def __init__(self, model: Xmodel2, num_rows: int, num_positions: int) -> None:
        proxy = model.proxy
        shape = (num_rows, proxy.num_kv_heads, num_positions, proxy.head_width)
        weight = model.lm_head.weight
        self.keys, self.values = weight.new_zeros(shape), weight.new_zeros(shape)

    def put(self, key: Tensor, value: Tensor, positions: Tensor) -> None:
        """Write (B, K, T, h) at `positions` (B, T)."""
        rows = torch.arange(len(positions))[:, None]
        self.keys[rows, :, positions] = key.transpose(1, 2)
        self.values[rows, :, positions] = value.transpose(1, 2)

    def keep(self, rows: Tensor) -> None:
        """Only these rows from now on, in this order; a row may come more than once."""
        self.keys, self.values = self.keys[rows], self.values[rows]


def prefill(model: Xmodel2, tokens: Tensor, caches: Sequence[KeyValueCache]) -> Tensor:
    """`Xmodel2.hidden` of tokens (B, T) from position 0 on; fills the first T places of caches."""
    T = tokens.shape[1]
    cos, sin = model.cos[:T], model.sin[:T]
    x = model.embed(tokens)
    for layer, cache in zip(model.model.layers, caches, strict=True):
        assert isinstance(layer, Block)
        qkv = layer.self_attn.project(layer.input_layernorm(x))
        _, key, value = layer.self_attn.split(qkv)
        cache.keys[:, :, :T] = rotate(key, cos, sin)
        cache.values[:, :, :T] = value
        x = layer.after_attention(x, layer.self_attn.attend(qkv, cos, sin))
    return model.ready_for_head(x)


def extend(
    model: Xmodel2, tokens: Tensor, positions: Tensor, caches: Sequence[KeyValueCache]
) -> Tensor:
    """`Xmodel2.hidden` of tokens (B, T) that stand at positions (B, T), after what is cached."""
    cos, sin = model.cos[positions][:, None], model.sin[positions][:, None]  # (B, 1, T, h)
    is_seen = torch.arange(caches[0].keys.shape[2]) <= positions[:, None, :, None]
    x = model.embed(tokens)
    for layer, cache in zip(model.model.layers, caches, strict=True):
        assert isinstance(layer, Block)
        attention = layer.self_attn
        query, key, value = attention.split(attention.project(layer.input_layernorm(x)))
        cache.put(rotate(key, cos, sin), value, positions)
        out = F.scaled_dot_product_attention(
            rotate(query, cos, sin),
            cache.keys,
            cache.values,
            attn_mask=is_seen,
            scale=attention.multiplier,
            enable_gqa=attention.num_heads != attention.num_kv_heads,
        )
        x = layer.after_attention(x, attention.o_proj(out.transpose(1, 2).flatten(2)))
    return model.ready_for_head(x)
