"""A checkpoint: weights and optimiser state in one safetensors file, no pickle anywhere.

Its metadata hold the proxy, so that a file says by itself what model it is of. `load_hf` and
`export_hf`, to and from Hugging Face folders, are named here again.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mixtures.proxy import Proxy
from workers.files import DataError
from workers.hf_export import export_hf as export_hf
from workers.hf_load import load_hf as load_hf
from workers.tensor_file import open_tensors, write_atomically
from workers.xmodel2 import Xmodel2

WEIGHT, STATE = "weight:", "optimiser:"


def save_checkpoint(
    path: Path,
    model: Xmodel2,
    optimiser: torch.optim.Optimizer | None,
    about: dict[str, Any],
) -> None:
    """Write weights, the optimiser's state by parameter name, and `about` as metadata.

    Atomic: under `path` there is either the file that was there before or the whole new one.
    """
    state = {} if optimiser is None else optimiser_state(model, optimiser)
    write_checkpoint(path, model, state, about)


def write_checkpoint(
    path: Path, model: Xmodel2, state: Mapping[str, torch.Tensor], about: dict[str, Any]
) -> None:
    """The same with the state as `optimiser_state` gives it."""
    tensors = {WEIGHT + name: weight.detach() for name, weight in model.named_parameters()}
    tensors |= {STATE + key: value for key, value in state.items()}
    told = {**about, "proxy": model.proxy.model_dump(mode="json")}
    metadata = {"about": json.dumps(told, sort_keys=True)}
    write_atomically(path, lambda partial: save_file(tensors, partial, metadata=metadata))


def load_checkpoint(
    path: Path, model: Xmodel2, optimiser: torch.optim.Optimizer | None
) -> dict[str, Any]:
    """Fill model and optimiser from `path`; returns what `about` was at the save.

    Raises DataError where the file is damaged or is of another model.
    """
    state, about = _read(path, model)
    if optimiser is not None:
        parameters = dict(model.named_parameters())
        for key, value in state.items():
            field, name = key.split(":", 1)
            optimiser.state[parameters[name]][field] = value
    return about


def read_checkpoint(path: Path) -> tuple[Xmodel2, dict[str, torch.Tensor], dict[str, Any]]:
    """Model, optimiser's state (see `optimiser_state`) and `about` of a file; raises DataError."""
    model = Xmodel2(proxy_of_checkpoint(path))
    return model, *_read(path, model)


def optimiser_state(model: Xmodel2, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimiser's tensors by `FIELD:PARAMETER NAME`, as files hold them."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {
        f"{field}:{names[id(parameter)]}": torch.as_tensor(value)
        for parameter, state in optimiser.state.items()
        for field, value in state.items()
    }


def read_about(path: Path) -> dict[str, Any]:
    """The metadata of a checkpoint; raises DataError where `path` is not one."""
    with open_tensors(path, "np") as file:
        return _about(file, path)


def proxy_of_checkpoint(path: Path) -> Proxy:
    """The proxy whose weights `path` holds; raises DataError."""
    about = read_about(path)
    if "proxy" not in about:
        raise DataError(
            path.name, str(path.parent), "an earlier release wrote it, without its proxy"
        )
    return Proxy.model_validate(about["proxy"])


def weights_sha256(model: Xmodel2) -> str:
    """Of the names and bytes of all weights: equal hashes mean bit-identical models."""
    digest = hashlib.sha256()
    for name, weight in model.named_parameters():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, model: Xmodel2) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Fills the model; returns the optimiser's state and `about`."""
    with open_tensors(path, "pt") as file, torch.no_grad():
        about = _about(file, path)
        found = set(file.keys())
        for name, weight in model.named_parameters():
            if WEIGHT + name not in found:
                raise DataError(path.name, str(path.parent), f"holds no tensor {WEIGHT + name}")
            shape = file.get_slice(WEIGHT + name).get_shape()
            if shape != list(weight.shape):
                raise DataError(
                    path.name,
                    str(path.parent),
                    f"{name} has the shape {shape}, the proxy's is {list(weight.shape)}",
                )
            weight.copy_(file.get_tensor(WEIGHT + name))
        # Cloned: the file's memory map must not be written to by the optimiser.
        state = {
            key.removeprefix(STATE): file.get_tensor(key).clone()
            for key in sorted(found)
            if key.startswith(STATE)
        }
    return state, about


def _about(file: Any, path: Path) -> dict[str, Any]:
    metadata = file.metadata() or {}
    if "about" not in metadata:
        raise DataError(
            path.name,
            str(path.parent),
            "Decaymix did not write this file; of a model from elsewhere give the folder",
        )
    about: dict[str, Any] = json.loads(metadata["about"])
    return about
