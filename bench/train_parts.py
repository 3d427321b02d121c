"""Where a training step's time goes: its parts timed one by one, in plain torch and in ours.

Each part runs forward and backward on its own, at the shapes of a step and as often as a step has
it; what a whole step takes beyond their sum is `rest` (residual sums, embedding, gradients summed
over micro-batches, autograd). Plain torch is what the model was before it had kernels: separate
projections, `scaled_dot_product_attention`, `rms_norm`, `cross_entropy` over all logits, AdamW with
`foreach`, in micro-batches of 2,048 tokens like ours.
"""

import time
from collections.abc import Callable
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mixtures.phases import Optimiser
from mixtures.proxy import Proxy
from workers import xmodel2
from workers.freed_memory import keep_freed_memory
from workers.optim import make_optimiser
from workers.stream import Stream
from workers.tokenised import TokenisedSource
from workers.train import MICRO_BATCH_TOKENS
from workers.xmodel2 import MLP, Attention, RMSNorm, Xmodel2

Part = Callable[[], object]


class PlainAttention(Attention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = (
            projection(x).view(B, T, -1, self.head_width).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        out = F.scaled_dot_product_attention(
            xmodel2.rotate(q, cos, sin),
            xmodel2.rotate(k, cos, sin),
            v,
            is_causal=True,
            scale=self.multiplier,
            enable_gqa=self.num_kv_heads != self.num_heads,
        )
        return self.o_proj(out.transpose(1, 2).reshape(B, T, D))


class PlainMLP(MLP):
    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class PlainRMSNorm(RMSNorm):
    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class PlainXmodel2(Xmodel2):
    def loss(self, tokens: Tensor) -> Tensor:
        logits = F.linear(self.hidden(tokens[:, :-1]), self.lm_head.weight)
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def show(proxy: Proxy, repeats: int) -> None:
    """Print the table of a step on one micro-batch: milliseconds before and after, and shares."""
    keep_freed_memory()
    before, after = (milliseconds(proxy, is_plain, repeats) for is_plain in (True, False))
    tokens = MICRO_BATCH_TOKENS
    print(f"\nA step of {tokens:,} tokens at {proxy.preset}, one thread, milliseconds:")
    print(f"| {'part':<14} | plain torch |       | ours  |       |")
    print(f"| {'-' * 14} | ----------: | ----: | ----: | ----: |")
    for name in before:
        shares = before[name] / before["step"], after[name] / after["step"]
        print(f"| {name:<14} | {before[name]:11.1f} | {shares[0]:5.0%} | {after[name]:5.1f} | "
              f"{shares[1]:5.0%} |")  # fmt: skip
    print()


def milliseconds(proxy: Proxy, is_plain: bool, repeats: int) -> dict[str, float]:
    """Of each part of a step and of the whole; the medians of `repeats` rounds over all parts."""
    classes = {"Attention": PlainAttention, "MLP": PlainMLP, "RMSNorm": PlainRMSNorm}
    if is_plain:
        with mock.patch.multiple(xmodel2, **classes):
            model: Xmodel2 = PlainXmodel2(proxy)
    else:
        model = Xmodel2(proxy)
    model.init_weights(0)
    parts = parts_of(model, is_plain)
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(repeats + 1):
        for name, (times, part) in parts.items():
            started = time.perf_counter()
            part()
            taken[name].append((time.perf_counter() - started) * 1e3 * times)
    found = {name: float(np.median(values[1:])) for name, values in taken.items()}
    step = found.pop("step") + found["optimiser"] + found["clip"] + found["data"]
    return {**found, "rest": step - sum(found.values()), "step": step}


def parts_of(model: Xmodel2, is_plain: bool) -> dict[str, tuple[int, Part]]:
    """By name: how often a step has it, and a call that runs it once."""
    proxy = model.proxy
    B, T, D = MICRO_BATCH_TOKENS // proxy.context_tokens, proxy.context_tokens, proxy.width
    block = model.model.layers[0]
    tokens = torch.randint(0, proxy.vocab_size, (B, T + 1))
    spec = Optimiser(peak_lr=0.005, batch_tokens=B * T)
    optimiser = make_optimiser(model, spec)
    if is_plain:
        optimiser = torch.optim.AdamW(optimiser.param_groups, lr=spec.peak_lr, foreach=True)
        for group in optimiser.param_groups:
            group["fused"], group["foreach"] = False, True
    line = np.random.default_rng(0).integers(0, proxy.vocab_size, 100_001, dtype=np.int32)
    sources = {name: TokenisedSource(line, T) for name in "abc"}
    stream = Stream(sources, {"a": 0.5, "b": 0.3, "c": 0.2}, 0)

    def both(function: Callable[[Tensor], Tensor]) -> Part:
        x = torch.randn(B, T, D, requires_grad=True)
        gradient = torch.randn_like(function(x)) if function(x).dim() else torch.tensor(1.0)
        return lambda: function(x).backward(gradient)

    def loss(x: Tensor) -> Tensor:
        with mock.patch.object(model, "hidden", lambda tokens: x):
            return model.loss(tokens)

    L = proxy.num_layers
    return {
        "attention": (L, both(lambda x: block.self_attn(x, model.cos[:T], model.sin[:T]))),
        "MLP": (L, both(block.mlp)),
        "head and loss": (1, both(loss)),
        "norm": (2 * L + 1, both(model.model.norm)),
        "clip": (1, lambda: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)),
        "data": (1, lambda: stream.next_batch(B)),
        "step": (1, lambda: model.loss(tokens).backward()),
        # Last: it frees the gradients, which all parts before have added to.
        "optimiser": (1, lambda: (optimiser.step(), optimiser.zero_grad())),
    }
