"""Weights of a Hugging Face folder into our model."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from workers.files import DataError
from workers.hf_config import mlp_fold
from workers.hf_folder import EMBEDDING, HEAD, OPTIMISER, HfFolder, open_hf_folder
from workers.tensor_file import open_tensors
from workers.xmodel2 import Xmodel2


def load_hf(path: Path | str) -> Xmodel2:
    """The folder's model, whose `model(tokens)` with tokens (B, T) gives logits (B, T, V) in fp32.

    Reads model_type `xmodel`, `granite` and `llama`, sharded or not, whatever float the weights
    are stored in. Raises DataError naming file or key, its value and what would be right.
    """
    return load_weights(open_hf_folder(Path(path)))


def load_weights(folder: HfFolder) -> Xmodel2:
    """The model of a folder that was checked; raises DataError where a number is not finite."""
    model = Xmodel2(folder.proxy)
    weights = dict(model.named_parameters())
    # A folder of ours says that its down_proj is folded; others have one residual multiplier.
    unfold = 1.0 / mlp_fold(folder.proxy) if "decaymix" in folder.config else 1.0
    head = None
    with torch.no_grad():
        for path in sorted(set(folder.files.values())):
            with open_tensors(path, "pt") as file:
                for name in (name for name, its in folder.files.items() if its == path):
                    if name in weights:
                        weights[name].copy_(_finite(file.get_tensor(name), name, path))
                        if name.endswith("mlp.down_proj.weight") and unfold != 1.0:
                            weights[name].mul_(unfold)
                    elif name == HEAD:
                        head = file.get_tensor(name).float()
    if head is not None and not torch.equal(head, weights[EMBEDDING]):
        raise DataError(
            HEAD,
            str(folder.path),
            "differs from the embedding, though config.json's tie_word_embeddings is true",
        )
    return model


def load_optimiser_state(folder: HfFolder) -> dict[str, torch.Tensor]:
    """AdamW's state as `workers.checkpoint.optimiser_state` gives it; empty where there is none."""
    if not folder.has_optimiser:
        return {}
    path = folder.path / OPTIMISER
    state = load_file(path)
    return {key: _finite(value, f"{OPTIMISER} {key}", path).float() for key, value in state.items()}


def require_finite(folder: HfFolder) -> None:
    """Raises DataError at the first weight or moment that is not, with one in memory at a time."""
    paths = set(folder.files.values())
    if folder.has_optimiser:
        paths.add(folder.path / OPTIMISER)
    for path in sorted(paths):
        with open_tensors(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                _finite(file.get_tensor(name), name, path)


def _finite(tensor: torch.Tensor, name: str, path: Path) -> torch.Tensor:
    if not torch.isfinite(tensor).all():
        raise DataError(name, path.name, "holds a number that is not finite")
    return tensor
