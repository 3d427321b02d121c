"""Our model as a Hugging Face folder that transformers, vLLM and lm-eval load with no code of ours.

Xmodel-2 is `GraniteForCausalLM` with other names for its multipliers (workers/hf_config.py), but
Granite has one residual multiplier: where attention and MLP differ, `down_proj` takes the ratio.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from workers.hf_config import granite_config, mlp_fold
from workers.hf_folder import INDEX, OPTIMISER, WEIGHTS
from workers.tensor_file import write_atomically, write_text_atomically
from workers.tokenizer import END
from workers.xmodel2 import Xmodel2


def export_hf(
    model: Xmodel2,
    tokenizer: Tokenizer | Path,
    path: Path | str,
    *,
    end_id: int | None = None,
    optimiser_state: Mapping[str, torch.Tensor] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write config.json, model.safetensors (fp32) and the tokenizer's files into the folder `path`.

    `tokenizer` may be the path of a tokenizer.json: it is copied as it stands, where the library
    would round a Unigram's scores. `end_id` is the end-of-text token, that of `</s>` when not
    given. With `optimiser_state` (see `workers.checkpoint.optimiser_state`) a study can go on from
    the folder where the training was. `about` is kept under `decaymix` in config.json, which is
    written last: a folder that has it is whole.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in ("config.json", OPTIMISER, INDEX):
        (folder / stale).unlink(missing_ok=True)
    text = tokenizer.to_str() if isinstance(tokenizer, Tokenizer) else tokenizer.read_text("utf-8")
    tokenizer = Tokenizer.from_str(text)
    if end_id is None:
        end_id = tokenizer.token_to_id(END)
    weights = _folded_weights(model)
    # The metadata say to readers of transformers that the tensors are PyTorch's.
    write_atomically(
        folder / WEIGHTS, lambda partial: save_file(weights, partial, metadata={"format": "pt"})
    )
    if optimiser_state:
        state = dict(optimiser_state)
        write_atomically(folder / OPTIMISER, lambda partial: save_file(state, partial))
    write_text_atomically(folder / "tokenizer.json", text)
    settings = _tokenizer_config(tokenizer, end_id, model.proxy.context_tokens)
    write_text_atomically(folder / "tokenizer_config.json", _json(settings))
    if end_id is not None:
        ends = {"bos_token_id": end_id, "eos_token_id": end_id}
        write_text_atomically(folder / "generation_config.json", _json(ends))
    config = granite_config(model.proxy, end_id)
    config["decaymix"] |= dict(about or {})
    write_text_atomically(folder / "config.json", _json(config))


def _folded_weights(model: Xmodel2) -> dict[str, torch.Tensor]:
    fold = mlp_fold(model.proxy)
    return {
        name: weight.detach() * fold
        if fold != 1.0 and name.endswith("mlp.down_proj.weight")
        else weight.detach()
        for name, weight in model.named_parameters()
    }


def _tokenizer_config(
    tokenizer: Tokenizer, end_id: int | None, context_tokens: int
) -> dict[str, Any]:
    """Without `split_special_tokens` a text that holds `</s>` would have other ids than ours."""
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context_tokens,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
    }
    if end_id is not None:
        # Documents are joined by the end token, so it stands before each of them as well.
        settings["bos_token"] = settings["eos_token"] = tokenizer.id_to_token(end_id)
    return settings


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
