"""What `./run decaymix checkpoint` does: inspect, export and import, with no controller.

A checkpoint is a Hugging Face folder, or one of ours: a safetensors file with its `tokenizer.json`
beside it, named by its path or, under the home, by the id of its trial or stable phase.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mixtures.proxy import Proxy
from workers import stable, trial_weights
from workers.checkpoint import (
    STATE,
    export_hf,
    proxy_of_checkpoint,
    read_about,
    read_checkpoint,
    write_checkpoint,
)
from workers.config import WorkerConfig
from workers.files import DataError
from workers.hf_folder import HfFolder, content_hash, open_hf_folder, tokenizer_and_end
from workers.hf_load import load_optimiser_state, load_weights
from workers.tensor_file import open_tensors, write_atomically

_ID = re.compile(r"[0-9a-f]{16}")
# Of ours, in the order in which they are looked for in a folder.
_FILES = (trial_weights.WEIGHTS, stable.WEIGHTS)


@dataclass(frozen=True, slots=True)
class OwnCheckpoint:
    """A checkpoint file of ours."""

    path: Path
    proxy: Proxy
    about: dict[str, Any]

    @property
    def tokenizer_path(self) -> Path:
        return self.path.with_name("tokenizer.json")


def inspect_checkpoint(what: str, config: WorkerConfig) -> dict[str, Any]:
    """What a checkpoint is, as JSON; `proxy` is what a study that starts from it must say."""
    found = _found(what, config)
    proxy = found.proxy
    return {
        "path": str(found.path),
        "format": "decaymix" if isinstance(found, OwnCheckpoint) else "hugging face",
        "num_parameters": proxy.num_parameters,
        "num_non_embedding_parameters": proxy.num_non_embedding_parameters,
        "multipliers": {
            "embedding": proxy.scale_emb,
            "attention": proxy.attention_multiplier,
            "attention_residual": proxy.attention_residual_multiplier,
            "mlp_residual": proxy.mlp_residual_multiplier,
            "logits_divisor": proxy.logits_divisor,
        },
        **(_of_ours(found) if isinstance(found, OwnCheckpoint) else _of_hf(found)),
        "shape": proxy.model_dump(mode="json", exclude={"preset"}),
        "proxy": proxy.as_written(),
    }


def export_checkpoint(what: str, to: str, config: WorkerConfig) -> dict[str, Any]:
    """Write a checkpoint of ours as a Hugging Face folder; raises DataError."""
    found = _found(what, config)
    if isinstance(found, HfFolder):
        raise DataError(
            "checkpoint",
            what,
            "is a Hugging Face folder already; `checkpoint import` makes one of ours of it",
        )
    if not found.tokenizer_path.is_file():
        raise DataError("tokenizer.json", str(found.path.parent), "no such file beside the weights")
    folder = _new_folder(to)
    model, state, about = read_checkpoint(found.path)
    told = {key: value for key, value in about.items() if key not in ("proxy", "end_id")}
    end_id = about.get("end_id")
    export_hf(
        model,
        found.tokenizer_path,
        folder,
        end_id=end_id,
        optimiser_state=state,
        about={"about": told},
    )
    files = sorted(path.name for path in folder.iterdir())
    return {"folder": str(folder), "files": files, "optimiser_state": bool(state)}


def import_checkpoint(path: str, to: str | None, config: WorkerConfig) -> dict[str, Any]:
    """Check a Hugging Face folder and write it as one of ours, in fp32; raises DataError."""
    folder = open_hf_folder(Path(path))
    _, end_id = tokenizer_and_end(folder)
    model, state = load_weights(folder), load_optimiser_state(folder)
    digest = content_hash(folder)
    target = config.home / "checkpoints" / digest[:16] if to is None else _new_folder(to)
    target.mkdir(parents=True, exist_ok=True)
    write_atomically(
        target / "tokenizer.json",
        lambda partial: shutil.copyfile(folder.path / "tokenizer.json", partial),
    )
    about = {"from": folder.path.name, "content_hash": digest, "end_id": end_id}
    write_checkpoint(target / trial_weights.WEIGHTS, model, state, about)
    return {
        "folder": str(target),
        "optimiser_state": bool(state),
        "proxy": folder.proxy.as_written(),
    }


def _found(what: str, config: WorkerConfig) -> HfFolder | OwnCheckpoint:
    """By id under the home, else by path; raises DataError."""
    path = Path(what)
    if _ID.fullmatch(what):
        for kind, name in (("trials", trial_weights.WEIGHTS), ("stable", stable.WEIGHTS)):
            if (config.home / kind / what / name).is_file():
                return _own(config.home / kind / what / name)
        if not path.exists():
            raise DataError(
                "checkpoint",
                what,
                f"no weights of a trial or a stable phase of this id under {config.home}: it has "
                "not finished, or its study keeps none; submit it with keep_weights: all",
            )
    if path.is_file():
        return _own(path)
    if not path.is_dir():
        raise DataError(
            "checkpoint", what, "no such file or folder, and not the id of a trial's weights"
        )
    own = [path / name for name in _FILES if (path / name).is_file()]
    return _own(own[0]) if own else open_hf_folder(path)


def _own(path: Path) -> OwnCheckpoint:
    return OwnCheckpoint(path, proxy_of_checkpoint(path), read_about(path))


def _new_folder(to: str) -> Path:
    folder = Path(to)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("folder", to, "holds something already; give a new one")
    return folder


def _of_hf(folder: HfFolder) -> dict[str, Any]:
    tokens, about = None, folder.config.get("decaymix", {}).get("about")
    if (folder.path / "tokenizer.json").is_file():
        tokenizer, end_id = tokenizer_and_end(folder)
        tokens = {"num_tokens": tokenizer.get_vocab_size(), "end_id": end_id}
    return {
        "model_type": folder.config["model_type"],
        "dtypes": list(folder.dtypes),
        "tokenizer": tokens,
        "optimiser_state": folder.has_optimiser,
        "about": about if isinstance(about, dict) else {},
    }


def _of_ours(own: OwnCheckpoint) -> dict[str, Any]:
    tokens = None
    if own.tokenizer_path.is_file():
        tokenizer = Tokenizer.from_file(str(own.tokenizer_path))
        tokens = {"num_tokens": tokenizer.get_vocab_size(), "end_id": own.about.get("end_id")}
    with open_tensors(own.path, "np") as file:
        has_state = any(key.startswith(STATE) for key in file.keys())  # noqa: SIM118
    return {
        "model_type": "xmodel",
        "dtypes": ["F32"],
        "tokenizer": tokens,
        "optimiser_state": has_state,
        "about": {key: value for key, value in own.about.items() if key != "proxy"},
    }
