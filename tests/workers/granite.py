"""transformers' Granite with a model's weights: the independent reference, mapped by hand."""

import math

from transformers import GraniteConfig, GraniteForCausalLM

from mixtures.proxy import Proxy
from workers.xmodel2 import Xmodel2


def mlp_fold(proxy: Proxy) -> float:
    """Granite has one residual multiplier: what differs is folded into down_proj."""
    return (proxy.mlp_scale_depth or proxy.scale_depth) / proxy.scale_depth


def granite_like(model: Xmodel2) -> GraniteForCausalLM:
    """Granite with the model's weights; it takes them under their own names, all of them."""
    proxy = model.proxy
    head = proxy.width / proxy.num_heads
    scales = {"1/sqrt(h)": 1 / math.sqrt(head), "1/h": 1 / head}
    config = GraniteConfig(
        vocab_size=proxy.vocab_size,
        hidden_size=proxy.width,
        intermediate_size=proxy.ffn_width,
        num_hidden_layers=proxy.num_layers,
        num_attention_heads=proxy.num_heads,
        num_key_value_heads=proxy.num_kv_heads,
        max_position_embeddings=proxy.context_tokens,
        rms_norm_eps=proxy.rms_norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": proxy.rope_base},
        tie_word_embeddings=proxy.tied_embedding,
        embedding_multiplier=proxy.scale_emb,
        residual_multiplier=proxy.scale_depth / math.sqrt(proxy.num_layers),
        logits_scaling=proxy.width / proxy.dim_model_base / proxy.output_multiplier,
        attention_multiplier=scales.get(str(proxy.attention_scale), proxy.attention_scale),
        attn_implementation="eager",
    )
    granite = GraniteForCausalLM(config).float()
    weights = {
        name: weight * mlp_fold(proxy) if "down_proj" in name else weight
        for name, weight in model.state_dict().items()
    }
    granite.load_state_dict(weights, strict=True)
    return granite
