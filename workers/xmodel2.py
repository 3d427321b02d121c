"""Xmodel-2 (arXiv 2412.19638): a LLaMA-like decoder with three muP multipliers, in one file.

- grouped-query attention with half-split RoPE, SwiGLU, RMSNorm, no biases, tied embedding
- embeddings times `scale_emb`, each residual branch times `scale_depth / sqrt(num_layers)`,
  logits divided by m = width / dim_model_base (Xmodel-2, Table 6)
- what the sources disagree on (attention scale, RoPE base, output init) is read from the proxy
- parameter names are those of the published checkpoints, so that `load_state_dict` is the proof

Shapes: B batch, T tokens, D width, H query heads, K key-value heads, h head width, V vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixtures.proxy import Proxy
from workers.causal_attention import causal_attention
from workers.cross_entropy import linear_cross_entropy
from workers.linear import linear
from workers.mup import hidden_init_std, output_init_std
from workers.rms_norm import rms_norm
from workers.swiglu import swiglu_mlp

# Own attention keeps half of T x T numbers a head for its backward; torch's keeps none.
LONGEST_OWN_ATTENTION = 1024


def has_own_kernels(x: Tensor) -> bool:
    """On a CPU the operations of `workers/` that are named after them are faster than torch's."""
    return x.device.type == "cpu"


class RMSNorm(nn.Module):
    """u / sqrt(mean(u^2) + eps) with statistics in fp32, times a learned gain."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        if has_own_kernels(x):
            return rms_norm(x, self.weight, self.eps)
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


def rope_tables(context_tokens: int, head_width: int, base: float) -> tuple[Tensor, Tensor]:
    """cos and sin of p * base^(-2i/h), each (context_tokens, h), both halves alike."""
    inverse = base ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angles = torch.outer(torch.arange(context_tokens, dtype=torch.float64), inverse)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE in the half-split form: coordinate i is paired with i + h/2. x is (B, H, T, h)."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    """Causal grouped-query attention; query head j reads KV head floor(j K / H)."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads = proxy.num_heads, proxy.num_kv_heads
        self.head_width = proxy.head_width
        self.multiplier = proxy.attention_multiplier
        kv_width = proxy.num_kv_heads * proxy.head_width
        self.q_proj = nn.Linear(proxy.width, proxy.width, bias=False)
        self.k_proj = nn.Linear(proxy.width, kv_width, bias=False)
        self.v_proj = nn.Linear(proxy.width, kv_width, bias=False)
        self.o_proj = nn.Linear(proxy.width, proxy.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        return self.attend(self.project(x), cos, sin)

    def project(self, x: Tensor) -> Tensor:
        """Query, key and value heads, in this order and not yet rotated: (B, T, (H + 2K) h).

        One product for the three projections: larger matrices, and x is read once.
        """
        weights = self.q_proj.weight, self.k_proj.weight, self.v_proj.weight
        return linear(x, torch.cat(weights))

    def split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Views of the three parts of `project`: (B, H, T, h), (B, K, T, h) and (B, K, T, h)."""
        H, K = self.num_heads, self.num_kv_heads
        B, T, _ = qkv.shape
        heads = qkv.view(B, T, H + 2 * K, self.head_width).transpose(1, 2)
        q, k, v = torch.split(heads, [H, K, K], dim=1)
        return q, k, v

    def attend(self, qkv: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Causal attention of what `project` gave, and the output projection."""
        H, K = self.num_heads, self.num_kv_heads
        if has_own_kernels(qkv) and qkv.shape[1] <= LONGEST_OWN_ATTENTION:
            out = causal_attention(qkv, cos, sin, H, K, self.multiplier)
        else:
            q, k, v = self.split(qkv)
            out = F.scaled_dot_product_attention(
                rotate(q, cos, sin),
                rotate(k, cos, sin),
                v,
                is_causal=True,
                scale=self.multiplier,
                enable_gqa=K != H,
            )
            out = out.transpose(1, 2).flatten(2)
        return linear(out, self.o_proj.weight)


class MLP(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(proxy.width, proxy.ffn_width, bias=False)
        self.up_proj = nn.Linear(proxy.width, proxy.ffn_width, bias=False)
        self.down_proj = nn.Linear(proxy.ffn_width, proxy.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up, down = self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight
        if has_own_kernels(x):
            return swiglu_mlp(x, gate, up, down)
        return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


class Block(nn.Module):
    """Pre-norm attention and MLP, each added through the depth multiplier."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self.self_attn = Attention(proxy)
        self.mlp = MLP(proxy)
        self.input_layernorm = RMSNorm(proxy.width, proxy.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(proxy.width, proxy.rms_norm_eps)
        self.attention_multiplier = proxy.attention_residual_multiplier
        self.mlp_multiplier = proxy.mlp_residual_multiplier

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        return self.after_attention(x, self.self_attn(self.input_layernorm(x), cos, sin))

    def after_attention(self, x: Tensor, attended: Tensor) -> Tensor:
        """What the block gives, of what came into it and what its attention made of that."""
        x = torch.add(x, attended, alpha=self.attention_multiplier)
        branch = self.mlp(self.post_attention_layernorm(x))
        return torch.add(x, branch, alpha=self.mlp_multiplier)


class Decoder(nn.Module):
    """Embedding, blocks and final norm: everything under the published prefix `model.`."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(proxy.vocab_size, proxy.width)
        self.layers = nn.ModuleList(Block(proxy) for _ in range(proxy.num_layers))
        self.norm = RMSNorm(proxy.width, proxy.rms_norm_eps)


class Xmodel2(nn.Module):
    """`model(tokens)` with tokens (B, T) gives logits (B, T, V) in fp32."""

    cos: Tensor
    sin: Tensor

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self.proxy = proxy
        self.model = Decoder(proxy)
        self.lm_head = nn.Linear(proxy.width, proxy.vocab_size, bias=False)
        if proxy.tied_embedding:
            self.lm_head.weight = self.model.embed_tokens.weight
        cos, sin = rope_tables(proxy.context_tokens, proxy.head_width, proxy.rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def init_weights(self, seed: int) -> None:
        """Draw all weights from `seed`: embedding N(0, std), linear N(0, std / sqrt(m)), gains 1.

        Output projections (o_proj, down_proj) have the deviation that `output_init` says.
        """
        generator = torch.Generator().manual_seed(seed)
        deviation = {
            "embed_tokens": self.proxy.init_std,
            "lm_head": self.proxy.init_std,
            "o_proj": output_init_std(self.proxy),
            "down_proj": output_init_std(self.proxy),
        }
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() == 1:
                    weight.fill_(1.0)
                else:
                    part = name.split(".")[-2]
                    std = deviation.get(part, hidden_init_std(self.proxy))
                    weight.normal_(0.0, std, generator=generator)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Final normed states (B, T, D) divided by m / s_o, ready for the head."""
        T = tokens.shape[1]
        cos, sin = self.cos[:T], self.sin[:T]
        x = self.embed(tokens)
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        return self.ready_for_head(x)

    def embed(self, tokens: Tensor) -> Tensor:
        """What goes into the first block: (B, T, D)."""
        x: Tensor = self.model.embed_tokens(tokens) * self.proxy.scale_emb
        return x

    def ready_for_head(self, x: Tensor) -> Tensor:
        """What comes out of the last block (B, T, D), normed and divided by m / s_o."""
        out: Tensor = self.model.norm(x) / self.proxy.logits_divisor
        return out

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.lm_head(self.hidden(tokens))
        return logits.float()

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean cross-entropy in nats of tokens (B, T + 1): each predicts the next."""
        hidden, targets = self.hidden(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()
        return linear_cross_entropy(hidden, self.lm_head.weight, targets) / len(targets)

    def loss_sum(self, tokens: Tensor, is_counted: Tensor) -> Tensor:
        """Sum of the cross-entropies of the targets that are counted: bool (B, T)."""
        hidden, targets = self.hidden(tokens[:, :-1])[is_counted], tokens[:, 1:][is_counted]
        return linear_cross_entropy(hidden, self.lm_head.weight, targets)
