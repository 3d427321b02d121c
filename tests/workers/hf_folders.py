"""Hugging Face folders in Xmodel-2's own format, made by hand, key by key, tensor by tensor."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

# As the authors' configuration file names things; a tiny shape.
XMODEL_CONFIG: dict[str, Any] = {
    "model_type": "xmodel",
    "architectures": ["XmodelForCausalLM"],
    "vocab_size": 90,
    "hidden_size": 48,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "max_position_embeddings": 64,
    "initializer_range": 0.1,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10_000.0,
    "rope_scaling": None,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "use_mup": True,
    "mup_input_scale": 12.0,
    "mup_output_scale": 1.0,
    "mup_attention_residual_scale": 1.4,
    "mup_ffn_residual_scale": 1.4,
    "mup_base_width": 16,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def xmodel_weights(config: dict[str, Any], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under the published names."""
    generator = torch.Generator().manual_seed(seed)
    width, ffn = config["hidden_size"], config["intermediate_size"]
    kv = width // config["num_attention_heads"] * config["num_key_value_heads"]

    def draw(*shape: int) -> torch.Tensor:
        return 0.1 * torch.randn(shape, generator=generator)

    weights = {
        "model.embed_tokens.weight": draw(config["vocab_size"], width),
        "model.norm.weight": 1 + draw(width),
    }
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        weights |= {
            f"{prefix}self_attn.q_proj.weight": draw(width, width),
            f"{prefix}self_attn.k_proj.weight": draw(kv, width),
            f"{prefix}self_attn.v_proj.weight": draw(kv, width),
            f"{prefix}self_attn.o_proj.weight": draw(width, width),
            f"{prefix}mlp.gate_proj.weight": draw(ffn, width),
            f"{prefix}mlp.up_proj.weight": draw(ffn, width),
            f"{prefix}mlp.down_proj.weight": draw(width, ffn),
            f"{prefix}input_layernorm.weight": 1 + draw(width),
            f"{prefix}post_attention_layernorm.weight": 1 + draw(width),
        }
    if not config["tie_word_embeddings"]:
        weights["lm_head.weight"] = draw(config["vocab_size"], width)
    return weights


def write_folder(
    folder: Path, config: dict[str, Any], weights: dict[str, torch.Tensor], num_shards: int = 1
) -> Path:
    """`config.json` and `model.safetensors`, or shards with their index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if num_shards == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return folder
    names, weight_map = sorted(weights), {}
    for shard in range(num_shards):
        file = f"model-{shard + 1:05}-of-{num_shards:05}.safetensors"
        mine = names[shard::num_shards]
        save_file({name: weights[name] for name in mine}, folder / file)
        weight_map |= dict.fromkeys(mine, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder
