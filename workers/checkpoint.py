"""A checkpoint: weights and optimiser state in one safetensors file, no pickle anywhere.

Its metadata hold the proxy, so that a file says by itself what model it is of, and a hash of all
tensors, which is compared when it is read. `load_hf` and
`export_hf`, to and from Hugging Face folders, are named here again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
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
# Among what is told, not beside it: safetensors write two metadata in any order.
_DIGEST = "tensors_sha256"


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
    told = {**about, "proxy": model.proxy.model_dump(mode="json"), _DIGEST: _digest_of(tensors)}
    metadata = {"about": json.dumps(told, sort_keys=True)}
    write_atomically(path, lambda partial: save_file(tensors, partial, metadata=metadata))


def load_checkpoint(
    path: Path, model: Xmodel2, optimiser: torch.optim.Optimizer | None
) -> dict[str, Any]:
    """Fill model and optimiser from `path`; returns what `about` was at the save.

    Raises DataError where the file is damaged, by a bit or by its end, or is of another model.
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
        about = _told(file, path)
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
        expected = about.pop(_DIGEST, None)
        # None: an earlier release wrote it.
        if expected is not None and expected != _digest_of(_Tensors(file)):
            raise DataError(
                path.name,
                str(path.parent),
                "it is damaged: its tensors are not those that were written; put a copy back, or "
                "delete it and have it made again",
            )
        # Cloned: the file's memory map must not be written to by the optimiser.
        state = {
            key.removeprefix(STATE): file.get_tensor(key).clone()
            for key in sorted(found)
            if key.startswith(STATE)
        }
    return state, about


class _Tensors(Mapping[str, torch.Tensor]):
    """Those of an open file, one in memory at a time."""

    def __init__(self, file: Any) -> None:
        self._file, self._names = file, list(file.keys())

    def __getitem__(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self._file.get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _digest_of(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of names and bytes: a disk may change a bit that the format does not notice."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        content = tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()


def _about(file: Any, path: Path) -> dict[str, Any]:
    told = _told(file, path)
    told.pop(_DIGEST, None)
    return told


def _told(file: Any, path: Path) -> dict[str, Any]:
    metadata = file.metadata() or {}
    if "about" not in metadata:
        raise DataError(
            path.name,
            str(path.parent),
            "Decaymix did not write this file; of a model from elsewhere give the folder",
        )
    about: dict[str, Any] = json.loads(metadata["about"])
    return about
