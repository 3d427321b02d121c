"""Folders that are not what they say, or that cannot be read safely, are refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models

from mixtures.proxy import Proxy
from tests.workers.hf_folders import XMODEL_CONFIG, write_folder, xmodel_weights
from workers.checkpoint import load_hf
from workers.files import DataError
from workers.hf_config import proxy_of_config
from workers.hf_folder import content_hash, open_hf_folder, tokenizer_and_end, weight_shapes
from workers.xmodel2 import Xmodel2


def folder_with(tmp_path: Path, **changes: Any) -> Path:
    return write_folder(
        tmp_path / "model", {**XMODEL_CONFIG, **changes}, xmodel_weights(XMODEL_CONFIG)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "gpt2"}, r"config\.json model_type 'gpt2': expected one of granite, llama"),
        ({"auto_map": {"AutoModel": "x.X"}}, r"config\.json auto_map .*runs no code"),
        ({"attention_bias": True}, r"config\.json attention_bias 'True'.*has False"),
        ({"mlp_bias": True}, r"config\.json mlp_bias 'True'"),
        ({"hidden_act": "gelu"}, r"config\.json hidden_act 'gelu'.*'silu'"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, r"config\.json rope_scaling .*none"),
        ({"rope_parameters": {"rope_type": "yarn"}}, r"config\.json rope_parameters .*yarn"),
        ({"quantization_config": {"bits": 4}}, r"config\.json quantization_config"),
        ({"head_dim": 16}, r"config\.json head_dim '16': expected 48 / 6 heads"),
        ({"num_attention_heads": 5}, r"config\.json num_attention_heads '5': width 48"),
        ({"num_key_value_heads": 4}, r"config\.json num_key_value_heads '4': .*multiple"),
        ({"hidden_size": "48"}, r"config\.json hidden_size '48': expected a whole number"),
        ({"num_hidden_layers": 0}, r"config\.json num_hidden_layers '0'"),
        ({"mup_input_scale": -1.0}, r"config\.json mup_input_scale '-1.0': .*above 0"),
        ({"mup_base_width": 1.5}, r"config\.json mup_base_width '1.5'"),
        ({"use_mup": "yes"}, r"config\.json use_mup 'yes': expected true or false"),
        ({"rope_theta": None, "vocab_size": None}, r"config\.json vocab_size 'None'"),
        ({"num_hidden_layers": 4}, r"model\.layers\.3\..*this weight is missing"),
        ({"num_hidden_layers": 2}, r"model\.layers\.2\..*Xmodel-2 has no such weight"),
        ({"intermediate_size": 44}, r"mlp\.gate_proj\.weight '\(40, 48\)'.*\(44, 48\)"),
        ({"tie_word_embeddings": False}, r"lm_head\.weight .*this weight is missing"),
    ],
)
def test_a_config_that_xmodel2_cannot_be_is_refused_with_key_and_value(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_hf(folder_with(tmp_path, **changes))


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def some_code(folder: Path) -> None:
    (folder / "modeling_xmodel2.py").write_text("print('run')")


def only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(raw[:-100])


def one_more_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.q_norm.weight"] = torch.ones(8)
    save_file(weights, folder / "model.safetensors")


def whole_numbers(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = torch.ones(48, dtype=torch.int8)
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_config, r"config\.json .*no such file"),
        (broken_config, r"config\.json .*not readable as JSON"),
        (some_code, r"\*\.py 'modeling_xmodel2\.py'.*runs no code"),
        (only_pickle, r"pytorch_model\.bin are pickles, which can run code"),
        (no_weights, r"model\.safetensors .*neither this file nor"),
        (cut_weights, r"model\.safetensors .*not a whole safetensors file"),
        (one_more_weight, r"q_norm\.weight .*Xmodel-2 has no such weight"),
        (whole_numbers, r"model\.norm\.weight 'I8': expected one of F64, F32, F16, BF16"),
    ],
)
def test_a_damaged_or_unsafe_folder_is_refused_with_the_reason(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    folder = folder_with(tmp_path)
    load_hf(folder)
    damage(folder)
    with pytest.raises(DataError, match=message):
        load_hf(folder)


def test_a_pickle_beside_safetensors_is_left_alone(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "optimizer.pt").write_bytes(b"never opened")
    load_hf(folder)


def test_a_missing_or_misnamed_shard_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", XMODEL_CONFIG, xmodel_weights(XMODEL_CONFIG), 3)
    index_path = folder / "model.safetensors.index.json"
    index = json.loads(index_path.read_text())
    moved = {**index["weight_map"], "model.norm.weight": "../model-00001-of-00003.safetensors"}
    index_path.write_text(json.dumps({"weight_map": moved}))
    with pytest.raises(DataError, match=r"weight_map '\.\./model-00001.*beside it"):
        load_hf(folder)
    other = next(f for f in moved.values() if f != index["weight_map"]["model.norm.weight"])
    index_path.write_text(
        json.dumps({"weight_map": {**index["weight_map"], "model.norm.weight": other}})
    )
    with pytest.raises(DataError, match=r"weight_map 'model\.norm\.weight': is not in model-"):
        load_hf(folder)
    index_path.write_text(json.dumps(index))
    load_hf(folder)
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(DataError, match=r"model-00002-of-00003\.safetensors .*no such file"):
        load_hf(folder)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        load_hf(tmp_path / "nothing")


@pytest.mark.parametrize("changes", [{}, {"tie_word_embeddings": False}])
def test_the_expected_weights_are_those_of_the_model(changes: dict[str, Any]) -> None:
    proxy = proxy_of_config({**XMODEL_CONFIG, **changes})
    shapes = {name: tuple(weight.shape) for name, weight in Xmodel2(proxy).named_parameters()}
    assert weight_shapes(proxy) == shapes


def test_the_shapes_of_the_paper_are_recognised_as_presets() -> None:
    config = {
        **XMODEL_CONFIG,
        "vocab_size": 65_280,
        "hidden_size": 1536,
        "intermediate_size": 3840,
        "num_hidden_layers": 48,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "max_position_embeddings": 4096,
        "mup_base_width": 256,
    }
    proxy = proxy_of_config(config)
    assert proxy == Proxy.model_validate({"preset": "1.2b", "attention_scale": "1/h"})
    assert proxy.as_written() == {"preset": "1.2b", "attention_scale": "1/h"}


def test_the_content_hash_changes_with_each_file_that_counts(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    seen = [content_hash(open_hf_folder(folder))]
    (folder / "README.md").write_text("says nothing")
    assert content_hash(open_hf_folder(folder)) == seen[0]
    (folder / "tokenizer.json").write_text("{}")
    seen.append(content_hash(open_hf_folder(folder)))
    (folder / "config.json").write_text(json.dumps({**XMODEL_CONFIG, "rope_theta": 20_000.0}))
    seen.append(content_hash(open_hf_folder(folder)))
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] += 1
    save_file(weights, folder / "model.safetensors")
    seen.append(content_hash(open_hf_folder(folder)))
    assert len(set(seen)) == 4


def with_tokenizer(folder: Path, size: int, settings: dict[str, Any] | None) -> Path:
    vocabulary = {"[UNK]": 0, **{f"word{i}": i for i in range(1, size)}}
    Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]")).save(str(folder / "tokenizer.json"))
    if settings is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize(
    ("changes", "settings", "wanted"),
    [
        ({}, None, 2),
        ({"eos_token_id": [7]}, None, 7),
        ({"eos_token_id": [7, 9]}, {"eos_token": "word9"}, 9),
        ({"eos_token_id": None}, {"eos_token": {"content": "word5"}}, 5),
    ],
)
def test_the_end_of_text_token_is_the_folders(
    tmp_path: Path, changes: dict[str, Any], settings: dict[str, Any] | None, wanted: int
) -> None:
    folder = with_tokenizer(folder_with(tmp_path, **changes), 80, settings)
    assert tokenizer_and_end(open_hf_folder(folder))[1] == wanted


@pytest.mark.parametrize(
    ("changes", "size", "settings", "message"),
    [
        ({}, 91, None, r"tokenizer\.json .*ids up to 90, the model's vocab_size is 90"),
        ({"eos_token_id": None}, 80, None, r"config\.json eos_token_id 'None'.*expected one id"),
        ({"eos_token_id": [7, 9]}, 80, {}, r"config\.json eos_token_id '\[7, 9\]'"),
        ({}, 80, {"eos_token": "word9"}, r"eos_token 'word9'.*is the id 9 .*eos_token_id is \[2\]"),
        ({}, 80, {"eos_token": "<end>"}, r"eos_token '<end>'.*is the id None"),
        ({"eos_token_id": 90}, 80, None, r"eos_token_id '90'.*below vocab_size 90"),
    ],
)
def test_a_tokenizer_that_does_not_fit_the_model_is_refused(
    tmp_path: Path,
    changes: dict[str, Any],
    size: int,
    settings: dict[str, Any] | None,
    message: str,
) -> None:
    folder = with_tokenizer(folder_with(tmp_path, **changes), size, settings)
    with pytest.raises(DataError, match=message):
        tokenizer_and_end(open_hf_folder(folder))


def test_a_folder_without_a_tokenizer_is_refused_where_one_is_needed(tmp_path: Path) -> None:
    folder = open_hf_folder(folder_with(tmp_path))
    with pytest.raises(DataError, match=r"tokenizer\.json .*no such file"):
        tokenizer_and_end(folder)
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json .*not a tokenizer"):
        tokenizer_and_end(folder)
