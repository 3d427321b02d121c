"""load_hf against transformers' own models on the same folder, and on folders made by hand."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GraniteConfig, GraniteForCausalLM, LlamaConfig, LlamaForCausalLM

from tests.workers.hf_folders import XMODEL_CONFIG, write_folder, xmodel_weights
from workers.checkpoint import load_hf
from workers.files import DataError

GRANITE: dict[str, Any] = {
    "vocab_size": 70,
    "hidden_size": 48,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "attn_implementation": "eager",
}


def tokens(vocab_size: int, length: int = 21) -> torch.Tensor:
    return torch.randint(0, vocab_size, (2, length), generator=torch.Generator().manual_seed(3))


def largest_difference(folder: Path, reference: torch.nn.Module, vocab_size: int) -> float:
    """Largest difference of the logits over the largest logit."""
    batch = tokens(vocab_size)
    with torch.no_grad():
        ours, theirs = load_hf(folder)(batch), reference(input_ids=batch).logits
    assert ours.shape == (2, 21, vocab_size)
    return float((ours - theirs).abs().max() / theirs.abs().max())


def granite_of_xmodel(config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Any:
    """Granite by the mapping under which the authors' file was found to equal it exactly."""
    mup = config["use_mup"]
    width, depth = config["hidden_size"], config["num_hidden_layers"]
    head = width / config["num_attention_heads"]
    ratio = width / config["mup_base_width"]
    attention = config["mup_attention_residual_scale"] if mup else math.sqrt(depth)
    ffn = config["mup_ffn_residual_scale"] if mup else math.sqrt(depth)
    granite = GraniteForCausalLM(
        GraniteConfig(
            vocab_size=config["vocab_size"],
            hidden_size=width,
            intermediate_size=config["intermediate_size"],
            num_hidden_layers=depth,
            num_attention_heads=config["num_attention_heads"],
            num_key_value_heads=config["num_key_value_heads"],
            max_position_embeddings=config["max_position_embeddings"],
            rms_norm_eps=config["rms_norm_eps"],
            rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]},
            tie_word_embeddings=config["tie_word_embeddings"],
            embedding_multiplier=config["mup_input_scale"] if mup else 1.0,
            residual_multiplier=attention / math.sqrt(depth),
            logits_scaling=ratio / config["mup_output_scale"] if mup else 1.0,
            attention_multiplier=1 / head if mup else 1 / math.sqrt(head),
            attn_implementation="eager",
        )
    ).float()
    folded = {
        name: weight * (ffn / attention) if "down_proj" in name else weight
        for name, weight in weights.items()
    }
    if config["tie_word_embeddings"]:
        folded["lm_head.weight"] = folded["model.embed_tokens.weight"]
    granite.load_state_dict(folded, strict=True)
    return granite


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_mup": False},
        {"mup_output_scale": 2.5, "mup_input_scale": 3.0, "mup_base_width": 256},
        {"mup_attention_residual_scale": 0.9, "mup_ffn_residual_scale": 2.2},
        {"tie_word_embeddings": False, "num_key_value_heads": 6, "rope_theta": 500_000},
        {"num_key_value_heads": 1, "rms_norm_eps": 1e-3},
    ],
)
def test_a_folder_in_the_authors_format_is_the_granite_of_the_mapping(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = {**XMODEL_CONFIG, **changes}
    weights = xmodel_weights(config)
    folder = write_folder(tmp_path / "xmodel", config, weights)
    assert largest_difference(folder, granite_of_xmodel(config, weights), 90) < 1e-5


def test_without_its_keys_the_authors_format_has_mup_off(tmp_path: Path) -> None:
    # The configuration class' own default, though the released models have it on.
    config = {k: v for k, v in XMODEL_CONFIG.items() if "mup" not in k}
    folder = write_folder(tmp_path / "plain", config, xmodel_weights(config))
    off = {**XMODEL_CONFIG, "use_mup": False}
    assert largest_difference(folder, granite_of_xmodel(off, xmodel_weights(config)), 90) < 1e-5


@pytest.mark.parametrize("num_shards", [2, 5])
def test_shards_are_read_as_one(tmp_path: Path, num_shards: int) -> None:
    weights = xmodel_weights(XMODEL_CONFIG)
    whole = load_hf(write_folder(tmp_path / "whole", XMODEL_CONFIG, weights))
    sharded = load_hf(write_folder(tmp_path / "sharded", XMODEL_CONFIG, weights, num_shards))
    with torch.no_grad():
        assert torch.equal(whole(tokens(90)), sharded(tokens(90)))


def test_weights_in_bfloat16_are_read_as_fp32(tmp_path: Path) -> None:
    weights = {k: v.bfloat16() for k, v in xmodel_weights(XMODEL_CONFIG).items()}
    folder = write_folder(tmp_path / "half", XMODEL_CONFIG, weights)
    rounded = {name: weight.float() for name, weight in weights.items()}
    assert largest_difference(folder, granite_of_xmodel(XMODEL_CONFIG, rounded), 90) < 1e-5


def test_a_tied_head_that_is_stored_too_must_be_the_embedding(tmp_path: Path) -> None:
    weights = xmodel_weights(XMODEL_CONFIG)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    folder = write_folder(tmp_path / "copy", XMODEL_CONFIG, weights)
    assert largest_difference(folder, granite_of_xmodel(XMODEL_CONFIG, weights), 90) < 1e-5
    weights["lm_head.weight"][0, 0] += 1
    with pytest.raises(DataError, match=r"lm_head\.weight.*tie_word_embeddings is true"):
        load_hf(write_folder(tmp_path / "other", XMODEL_CONFIG, weights))


def test_a_weight_that_is_not_finite_is_refused_by_name(tmp_path: Path) -> None:
    weights = xmodel_weights(XMODEL_CONFIG)
    weights["model.norm.weight"][3] = float("nan")
    with pytest.raises(DataError, match=r"model\.norm\.weight.*not finite"):
        load_hf(write_folder(tmp_path / "nan", XMODEL_CONFIG, weights))


@pytest.mark.parametrize(
    "multipliers",
    [
        {},  # all 1, the class' defaults
        {
            "embedding_multiplier": 12.0,
            "residual_multiplier": 0.22,
            "logits_scaling": 6.0,
            "attention_multiplier": 0.015625,
        },
        {"logits_scaling": 7.3, "attention_multiplier": 0.125, "tie_word_embeddings": True},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0}},
        {"num_attention_heads": 3, "num_key_value_heads": 3, "rms_norm_eps": 1e-3},
    ],
)
@pytest.mark.parametrize("shard_size", ["5GB", "20KB"])
def test_what_transformers_saves_of_granite_is_read(
    tmp_path: Path, multipliers: dict[str, Any], shard_size: str
) -> None:
    torch.manual_seed(0)
    reference = GraniteForCausalLM(GraniteConfig(**{**GRANITE, **multipliers})).float()
    reference.save_pretrained(tmp_path, max_shard_size=shard_size)
    assert (tmp_path / "model.safetensors").exists() == (shard_size == "5GB")
    assert largest_difference(tmp_path, reference, 70) < 1e-5


def test_what_transformers_saves_of_llama_is_read(tmp_path: Path) -> None:
    torch.manual_seed(0)
    reference = LlamaForCausalLM(LlamaConfig(**GRANITE)).float()
    reference.save_pretrained(tmp_path)
    assert largest_difference(tmp_path, reference, 70) < 1e-5
