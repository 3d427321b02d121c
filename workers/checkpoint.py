"""A checkpoint: weights and optimiser state in one safetensors file, no pickle anywhere."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from workers.xmodel2 import Xmodel2

WEIGHT, STATE = "weight:", "optimiser:"


def save_checkpoint(
    path: Path, model: Xmodel2, optimiser: torch.optim.Optimizer, about: dict[str, Any]
) -> None:
    """Write weights, AdamW's state by parameter name, and `about` as metadata."""
    tensors = {WEIGHT + name: weight.detach() for name, weight in _own_parameters(model)}
    names = {id(weight): name for name, weight in _own_parameters(model)}
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            tensors[f"{STATE}{key}:{names[id(parameter)]}"] = torch.as_tensor(value)
    save_file(tensors, path, metadata={"about": json.dumps(about, sort_keys=True)})


def load_checkpoint(path: Path, model: Xmodel2, optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Fill model and optimiser from `path`; returns what `about` was at the save."""
    with safe_open(path, framework="pt") as file, torch.no_grad():
        for name, weight in _own_parameters(model):
            weight.copy_(file.get_tensor(WEIGHT + name))
        keys = [key for key in file.keys() if key.startswith(STATE)]  # noqa: SIM118 (not a dict)
        parameters = dict(_own_parameters(model))
        for key in keys:
            _, field, name = key.split(":", 2)
            # Cloned: the file's memory map must not be written to by the optimiser.
            optimiser.state[parameters[name]][field] = file.get_tensor(key).clone()
        about: dict[str, Any] = json.loads(file.metadata()["about"])
    return about


def weights_sha256(model: Xmodel2) -> str:
    """Of the names and bytes of all weights: equal hashes mean bit-identical models."""
    digest = hashlib.sha256()
    for name, weight in _own_parameters(model):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _own_parameters(model: Xmodel2) -> list[tuple[str, torch.nn.Parameter]]:
    """Named parameters, a tied embedding once."""
    return list(model.named_parameters())
