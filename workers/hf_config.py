"""`config.json` of a Hugging Face folder to a proxy and back.

Read are Xmodel-2's own keys (model_type `xmodel`: `use_mup`, `mup_*`), Granite's and Llama's;
written are Granite's, which say every multiplier that Xmodel-2 has:

| Granite | Xmodel-2 with muP on |
|---|---|
| embedding_multiplier | mup_input_scale |
| residual_multiplier | mup_attention_residual_scale / sqrt(num_hidden_layers) |
| logits_scaling | hidden_size / mup_base_width / mup_output_scale |
| attention_multiplier | 1 / head size |

Without muP, and in Llama, they are 1, and attention is scaled by 1 / sqrt(head size). Whatever
would make the model another function (biases, scaled RoPE, another activation) is refused.
"""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mixtures.proxy import PRESETS, SHAPE_FIELDS, Proxy, first_difference
from mixtures.value import InvalidField
from workers.files import DataError

Config = Mapping[str, Any]

# What a key means where a file leaves it out: the defaults of each family's configuration class.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "xmodel": {
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5,
        "initializer_range": 0.1,
        "tie_word_embeddings": True,
        "use_mup": False,
        "mup_input_scale": 12.0,
        "mup_output_scale": 1.0,
        "mup_attention_residual_scale": 1.4,
        "mup_ffn_residual_scale": 1.4,
        "mup_base_width": 256,
    },
    "granite": {
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "initializer_range": 0.02,
        "tie_word_embeddings": False,
        "embedding_multiplier": 1.0,
        "residual_multiplier": 1.0,
        "logits_scaling": 1.0,
        "attention_multiplier": 1.0,
    },
    "llama": {
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "initializer_range": 0.02,
        "tie_word_embeddings": False,
    },
}
# Keys that must have one value, or be absent, because Xmodel-2 has nothing of the kind.
_FIXED = {
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "partial_rotary_factor": 1.0,
    "quantization_config": None,
    "sliding_window": None,
}
_KEYS = {
    "num_hidden_layers": "num_layers",
    "hidden_size": "width",
    "num_attention_heads": "num_heads",
    "num_key_value_heads": "num_kv_heads",
    "intermediate_size": "ffn_width",
    "vocab_size": "vocab_size",
    "max_position_embeddings": "context_tokens",
}


def proxy_of_config(config: Config) -> Proxy:
    """The proxy whose function the folder's model is; raises DataError by key and value."""
    family = config.get("model_type")
    if not isinstance(family, str) or family not in _DEFAULTS:
        raise _wrong("model_type", family, f"expected one of {', '.join(sorted(_DEFAULTS))}")
    for key, wanted in _FIXED.items():
        if config.get(key, wanted) not in (wanted, None):
            raise _wrong(key, config[key], f"Xmodel-2 has {wanted!r}; nothing else can be read")
    given = {key: value for key, value in config.items() if value is not None}
    values = {**_DEFAULTS[family], "rope_theta": _rope_base(given), **given}
    values.setdefault("num_key_value_heads", values.get("num_attention_heads"))
    fields: dict[str, Any] = {ours: _whole(values, key) for key, ours in _KEYS.items()}
    width, num_heads = fields["width"], fields["num_heads"]
    if "head_dim" in values and _whole(values, "head_dim") * num_heads != width:
        raise _wrong("head_dim", values["head_dim"], f"expected {width} / {num_heads} heads")
    if not isinstance(values["tie_word_embeddings"], bool):
        raise _wrong("tie_word_embeddings", values["tie_word_embeddings"], "expected true or false")
    fields |= {
        "tied_embedding": values["tie_word_embeddings"],
        "rope_base": _positive(values, "rope_theta"),
        "rms_norm_eps": _positive(values, "rms_norm_eps"),
        "init_std": _positive(values, "initializer_range"),
    }
    fields |= _multipliers(family, values, fields)
    shape = {name: fields[name] for name in SHAPE_FIELDS}
    for preset, its_fields in PRESETS.items():
        if shape == {name: its_fields[name] for name in SHAPE_FIELDS}:
            fields["preset"] = preset
    plain = _validated(fields)
    return _told(config["decaymix"], plain) if "decaymix" in config else plain


def granite_config(proxy: Proxy, end_id: int | None) -> dict[str, Any]:
    """What `GraniteForCausalLM` reads, for weights whose MLP branch is folded (`mlp_fold`).

    `decaymix` holds the proxy itself, so that reading the folder gives it back exactly.
    """
    return {
        "architectures": ["GraniteForCausalLM"],
        "model_type": "granite",
        **{key: getattr(proxy, ours) for key, ours in _KEYS.items()},
        "hidden_act": "silu",
        "initializer_range": proxy.init_std,
        "rms_norm_eps": proxy.rms_norm_eps,
        # Twice: transformers from release 5 on reads the second, older readers the first.
        "rope_theta": proxy.rope_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": proxy.rope_base},
        "tie_word_embeddings": proxy.tied_embedding,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "embedding_multiplier": proxy.scale_emb,
        "residual_multiplier": proxy.attention_residual_multiplier,
        "logits_scaling": proxy.logits_divisor,
        "attention_multiplier": proxy.attention_multiplier,
        "bos_token_id": end_id,
        "eos_token_id": end_id,
        "pad_token_id": None,
        "torch_dtype": "float32",
        "use_cache": True,
        "decaymix": {"proxy": proxy.model_dump(mode="json")},
    }


def mlp_fold(proxy: Proxy) -> float:
    """What down_proj is multiplied with where the format has one residual multiplier for both."""
    return proxy.mlp_residual_multiplier / proxy.attention_residual_multiplier


def _multipliers(family: str, values: Config, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The muP fields of the proxy."""
    width, num_layers = fields["width"], fields["num_layers"]
    ones = {"scale_emb": 1.0, "scale_depth": math.sqrt(num_layers), "dim_model_base": width}
    if family == "llama" or (family == "xmodel" and values["use_mup"] is False):
        return ones
    if family == "xmodel":
        if values["use_mup"] is not True:
            raise _wrong("use_mup", values["use_mup"], "expected true or false")
        depth = _positive(values, "mup_attention_residual_scale")
        mlp_depth = _positive(values, "mup_ffn_residual_scale")
        return {
            "scale_emb": _positive(values, "mup_input_scale"),
            "scale_depth": depth,
            "mlp_scale_depth": None if mlp_depth == depth else mlp_depth,
            "dim_model_base": _whole(values, "mup_base_width"),
            "output_multiplier": _positive(values, "mup_output_scale"),
            # The authors' code, though their report's recipe is 1/sqrt(h).
            "attention_scale": "1/h",
        }
    return {
        "scale_emb": _positive(values, "embedding_multiplier"),
        "scale_depth": _positive(values, "residual_multiplier") * math.sqrt(num_layers),
        "attention_scale": _attention_scale(
            _positive(values, "attention_multiplier"), width / fields["num_heads"]
        ),
        **_base_width(_positive(values, "logits_scaling"), width),
    }


def _base_width(logits_scaling: float, width: int) -> dict[str, Any]:
    """As muP means it where that gives a whole base width; else as a multiplier of the logits."""
    base = width / logits_scaling
    if round(base) >= 1 and math.isclose(base, round(base), rel_tol=1e-9):
        return {"dim_model_base": round(base)}
    return {"dim_model_base": width, "output_multiplier": 1.0 / logits_scaling}


def _attention_scale(multiplier: float, head_width: float) -> str | float:
    for name, value in (("1/h", 1.0 / head_width), ("1/sqrt(h)", 1.0 / math.sqrt(head_width))):
        if math.isclose(multiplier, value, rel_tol=1e-9):
            return name
    return multiplier


def _rope_base(config: Config) -> Any:
    """Of either key; transformers 5 writes `rope_parameters`, older releases `rope_theta`."""
    base = config.get("rope_theta", 10_000.0)
    for key in ("rope_scaling", "rope_parameters"):
        rope = config.get(key) or {}
        if not isinstance(rope, dict):
            raise _wrong(key, rope, "expected an object")
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind != "default" or rope.get("partial_rotary_factor", 1.0) != 1.0:
            raise _wrong(key, rope, "Xmodel-2 does not scale RoPE's frequencies; expected none")
        base = rope.get("rope_theta", base)
    return base


def _told(decaymix: Any, plain: Proxy) -> Proxy:
    """The proxy that an export of ours wrote; it must be the one that the other keys make."""
    told = _validated(decaymix.get("proxy") if isinstance(decaymix, dict) else decaymix)
    folded = told.model_copy(update={"mlp_scale_depth": None})
    differs = first_difference(folded, plain)
    if differs or told.context_tokens != plain.context_tokens:
        field, wanted, found = differs or (
            "context_tokens",
            told.context_tokens,
            plain.context_tokens,
        )
        raise _wrong(
            "decaymix",
            f"{field} {wanted}",
            f"the file's other keys make it {found}; change both alike, or delete this key",
        )
    return told


def _validated(fields: Any) -> Proxy:
    try:
        return Proxy.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        ours, value = str(first["loc"][0]) if first["loc"] else "proxy", first["input"]
        if isinstance(cause := first.get("ctx", {}).get("error"), InvalidField):
            ours, value = cause.field, cause.value
        key = next((key for key, name in _KEYS.items() if name == ours), ours)
        raise _wrong(key, value, first["msg"].removeprefix("Value error, ")) from error


def _whole(values: Config, key: str) -> int:
    value = values.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(key, value, "expected a whole number of at least 1")
    return value


def _positive(values: Config, key: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise _wrong(key, value, "expected a number above 0")
    return float(value)


def _wrong(key: str, value: Any, message: str) -> DataError:
    return DataError(f"config.json {key}", str(value), message)
