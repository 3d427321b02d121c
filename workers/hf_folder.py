"""A model folder as Hugging Face lays it out: found whole and safe, or refused with the reason.

Nothing in it is run: a folder that needs code of its own or has pickled weights alone is refused.
Only headers are read here, so that a study is checked in a moment and without torch.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mixtures.proxy import Proxy
from workers.files import DataError
from workers.hf_config import proxy_of_config
from workers.tensor_file import open_tensors

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# Ours, beside the weights: AdamW's moments, under `FIELD:WEIGHT NAME`.
OPTIMISER, OPTIMISER_FIELDS = "optimiser.safetensors", ("exp_avg", "exp_avg_sq", "step")
HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
# Eight-bit and whole numbers are quantised weights, which are not the model's own.
_DTYPES = ("F64", "F32", "F16", "BF16")
# What the content hash covers, weights apart.
_HASHED = ("config.json", INDEX, "tokenizer.json", "tokenizer_config.json", OPTIMISER)
_BLOCK_BYTES = 1 << 20

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HfFolder:
    """A checked folder. `files` says where each weight is; `dtypes` are safetensors' names."""

    path: Path
    config: dict[str, Any]
    proxy: Proxy
    files: dict[str, Path]
    dtypes: tuple[str, ...]
    has_optimiser: bool


def open_hf_folder(path: Path) -> HfFolder:
    """Checks all but the numbers; raises DataError naming file, value and what would be right."""
    if not path.is_dir():
        raise DataError("path", str(path), "no such folder")
    config = _read_json(path, "config.json")
    _require_no_code(path, config)
    proxy = proxy_of_config(config)
    stored = _stored_tensors(path)
    _require_weights(path, proxy, stored)
    files = {name: file for name, (file, _, _) in stored.items()}
    dtypes = tuple(sorted({dtype for _, _, dtype in stored.values()}))
    return HfFolder(path, config, proxy, files, dtypes, _has_optimiser(path, proxy))


def weight_shapes(proxy: Proxy) -> dict[str, Shape]:
    """Names and shapes of all weights of the published checkpoints, a tied head left out."""
    width, ffn = proxy.width, proxy.ffn_width
    kv = proxy.num_kv_heads * proxy.head_width
    layer: dict[str, Shape] = {
        "self_attn.q_proj": (width, width),
        "self_attn.k_proj": (kv, width),
        "self_attn.v_proj": (kv, width),
        "self_attn.o_proj": (width, width),
        "mlp.gate_proj": (ffn, width),
        "mlp.up_proj": (ffn, width),
        "mlp.down_proj": (width, ffn),
        "input_layernorm": (width,),
        "post_attention_layernorm": (width,),
    }
    shapes: dict[str, Shape] = {EMBEDDING: (proxy.vocab_size, width)}
    for index in range(proxy.num_layers):
        shapes |= {f"model.layers.{index}.{part}.weight": shape for part, shape in layer.items()}
    shapes["model.norm.weight"] = (width,)
    if not proxy.tied_embedding:
        shapes[HEAD] = (proxy.vocab_size, width)
    return shapes


def tokenizer_and_end(folder: HfFolder) -> tuple[Tokenizer, int]:
    """The folder's `tokenizer.json` and the id of its end-of-text token; raises DataError."""
    path = folder.path / "tokenizer.json"
    if not path.is_file():
        raise DataError("tokenizer.json", str(folder.path), "no such file in this folder")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise DataError("tokenizer.json", str(folder.path), f"not a tokenizer ({error})") from error
    size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if size > folder.proxy.vocab_size:
        raise DataError(
            "tokenizer.json",
            str(folder.path),
            f"has ids up to {size - 1}, the model's vocab_size is {folder.proxy.vocab_size}",
        )
    return tokenizer, _end_id(folder, tokenizer)


def content_hash(folder: HfFolder) -> str:
    """SHA-256 of all files that make the model and its tokens: what a trial's spec pins."""
    digest = hashlib.sha256()
    paths = {folder.path / name for name in _HASHED} | set(folder.files.values())
    for path in sorted(path for path in paths if path.is_file()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(name, str(folder), "no such file in this folder") from error
    except (OSError, ValueError) as error:
        raise DataError(name, str(folder), f"not readable as JSON ({error})") from error
    if not isinstance(found, dict):
        raise DataError(name, str(folder), f"is {type(found).__name__}, expected a JSON object")
    return found


def _require_no_code(folder: Path, config: dict[str, Any]) -> None:
    advice = "Decaymix runs no code of a checkpoint; remove it if the model_type needs none"
    if config.get("auto_map"):
        raise DataError("config.json auto_map", str(config["auto_map"]), advice)
    code = sorted(path.name for path in folder.glob("*.py"))
    if code:
        raise DataError("*.py", ", ".join(code), advice)


def _stored_tensors(folder: Path) -> dict[str, tuple[Path, Shape, str]]:
    """File, shape and dtype of every tensor; of all shards where there is an index."""
    if (folder / WEIGHTS).is_file():
        return _tensors_of(folder / WEIGHTS)
    if not (folder / INDEX).is_file():
        pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
        if pickles:
            raise DataError(
                WEIGHTS,
                str(folder),
                f"missing, and {', '.join(pickles)} are pickles, which can run code when they "
                "are opened; save the model with safe_serialization=True",
            )
        raise DataError(WEIGHTS, str(folder), f"neither this file nor {INDEX} is there")
    index = _read_json(folder, INDEX).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise DataError(f"{INDEX} weight_map", str(index), "expected an object of tensor: file")
    stored: dict[str, tuple[Path, Shape, str]] = {}
    for name in sorted(set(map(str, index.values()))):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise DataError(f"{INDEX} weight_map", name, "expected a .safetensors file beside it")
        stored |= _tensors_of(folder / name)
    for tensor, name in index.items():
        if tensor not in stored or stored[tensor][0].name != name:
            raise DataError(f"{INDEX} weight_map", tensor, f"is not in {name}")
    return stored


def _tensors_of(path: Path) -> dict[str, tuple[Path, Shape, str]]:
    found: dict[str, tuple[Path, Shape, str]] = {}
    with open_tensors(path, "np") as file:
        for name in file.keys():  # noqa: SIM118 (not a dict)
            part = file.get_slice(name)
            found[name] = (path, tuple(part.get_shape()), part.get_dtype())
    return found


def _require_weights(
    folder: Path, proxy: Proxy, stored: dict[str, tuple[Path, Shape, str]]
) -> None:
    """Exactly the model's tensors. A tied head may be stored too; old files hold `inv_freq`."""
    wanted = weight_shapes(proxy)
    for name, shape in wanted.items():
        if name not in stored:
            raise DataError(name, str(folder), "this weight is missing")
        path, found, dtype = stored[name]
        if found != shape:
            raise DataError(name, str(found), f"config.json makes it {shape} (in {path.name})")
        if dtype not in _DTYPES:
            raise DataError(name, dtype, f"expected one of {', '.join(_DTYPES)} (in {path.name})")
    for name, (path, found, _) in stored.items():
        is_tied_head = name == HEAD and proxy.tied_embedding and found == wanted[EMBEDDING]
        if name not in wanted and not is_tied_head and not name.endswith("rotary_emb.inv_freq"):
            raise DataError(name, path.name, "Xmodel-2 has no such weight")


def _has_optimiser(folder: Path, proxy: Proxy) -> bool:
    """Whether AdamW's state is there; raises DataError where it is not that of all weights."""
    path = folder / OPTIMISER
    if not path.is_file():
        return False
    stored = _tensors_of(path)
    for name, shape in weight_shapes(proxy).items():
        for field in OPTIMISER_FIELDS:
            _, found, _ = stored.pop(f"{field}:{name}", (path, None, ""))
            if found != (() if field == "step" else shape):
                raise DataError(f"{OPTIMISER} {field}:{name}", str(found), f"expected {shape}")
    if stored:
        raise DataError(OPTIMISER, sorted(stored)[0], "is of no weight of the model")
    return True


def _end_id(folder: HfFolder, tokenizer: Tokenizer) -> int:
    """`eos_token` of tokenizer_config.json, else `eos_token_id` of config.json; they must agree."""
    ids = folder.config.get("eos_token_id")
    ids = ids if isinstance(ids, list) else [] if ids is None else [ids]
    token = None
    if (folder.path / "tokenizer_config.json").is_file():
        token = _read_json(folder.path, "tokenizer_config.json").get("eos_token")
        token = token.get("content") if isinstance(token, dict) else token
    if token is None:
        if len(ids) != 1 or not isinstance(ids[0], int):
            raise DataError(
                "config.json eos_token_id",
                str(folder.config.get("eos_token_id")),
                "expected one id, or eos_token in tokenizer_config.json",
            )
        end_id: int = ids[0]
    else:
        found = tokenizer.token_to_id(str(token))
        if found is None or (ids and found not in ids):
            raise DataError(
                "tokenizer_config.json eos_token",
                str(token),
                f"is the id {found} of tokenizer.json; config.json's eos_token_id is {ids}",
            )
        end_id = found
    if not 0 <= end_id < folder.proxy.vocab_size:
        raise DataError(
            "config.json eos_token_id",
            str(end_id),
            f"expected an id below vocab_size {folder.proxy.vocab_size}",
        )
    return end_id
