"""A checkpoint: weights and optimiser state in one safetensors file, no pickle anywhere.

Its metadata hold the proxy, so that a file says by itself what model it is of.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mixtures.proxy import Proxy
from workers.files import DataError
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
    tensors = {WEIGHT + name: weight.detach() for name, weight in model.named_parameters()}
    if optimiser is not None:
        names = {id(weight): name for name, weight in model.named_parameters()}
        for parameter, state in optimiser.state.items():
            for key, value in state.items():
                tensors[f"{STATE}{key}:{names[id(parameter)]}"] = torch.as_tensor(value)
    told = {**about, "proxy": model.proxy.model_dump(mode="json")}
    metadata = {"about": json.dumps(told, sort_keys=True)}
    write_atomically(path, lambda partial: save_file(tensors, partial, metadata=metadata))


def load_checkpoint(
    path: Path, model: Xmodel2, optimiser: torch.optim.Optimizer | None
) -> dict[str, Any]:
    """Fill model and optimiser from `path`; returns what `about` was at the save.

    Raises DataError where the file is damaged or is of another model.
    """
    parameters = dict(model.named_parameters())
    with open_tensors(path, "pt") as file, torch.no_grad():
        about = _about(file, path)
        found = set(file.keys())
        for name, weight in parameters.items():
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
        if optimiser is not None:
            for key in sorted(key for key in found if key.startswith(STATE)):
                _, field, name = key.split(":", 2)
                # Cloned: the file's memory map must not be written to by the optimiser.
                optimiser.state[parameters[name]][field] = file.get_tensor(key).clone()
    return about


def read_about(path: Path) -> dict[str, Any]:
    """The metadata of a checkpoint; raises DataError where `path` is not one."""
    with open_tensors(path, "np") as file:
        return _about(file, path)


def proxy_of_checkpoint(path: Path) -> Proxy:
    """The proxy whose weights `path` holds."""
    return Proxy.model_validate(read_about(path)["proxy"])


def weights_sha256(model: Xmodel2) -> str:
    """Of the names and bytes of all weights: equal hashes mean bit-identical models."""
    digest = hashlib.sha256()
    for name, weight in model.named_parameters():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _about(file: Any, path: Path) -> dict[str, Any]:
    metadata = file.metadata() or {}
    if "about" not in metadata:
        raise DataError(
            path.name, str(path.parent), "has no metadata 'about': Decaymix did not write this file"
        )
    about: dict[str, Any] = json.loads(metadata["about"])
    return about
