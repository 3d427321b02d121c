"""What export_hf writes is loaded by transformers with no code of ours, and is the same model."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from mixtures.phases import Optimiser
from tests.workers.tiny_study import tiny_proxy
from workers.checkpoint import export_hf, load_hf, optimiser_state, weights_sha256
from workers.files import DataError
from workers.hf_folder import open_hf_folder, tokenizer_and_end
from workers.hf_load import load_optimiser_state
from workers.optim import make_optimiser
from workers.tokenizer import train_tokenizer
from workers.xmodel2 import Xmodel2

TEXTS = [f"The {i}th text is about {i * 7} things, é, ü and 漢字.\n" for i in range(400)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 400)


def model_of(**changes: Any) -> Xmodel2:
    model = Xmodel2(tiny_proxy(**changes))
    model.init_weights(3)
    return model


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tied_embedding": False, "num_heads": 4, "num_kv_heads": 2},
        {"scale_depth": 0.7, "mlp_scale_depth": 2.1, "output_multiplier": 3.0},
        {"attention_scale": "1/h", "rope_base": 500_000.0, "rms_norm_eps": 1e-3},
    ],
)
def test_transformers_loads_the_folder_and_gives_the_same_logits(
    tmp_path: Path, tokenizer: Tokenizer, changes: dict[str, Any]
) -> None:
    model = model_of(**changes)
    export_hf(model, tokenizer, tmp_path / "out")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert type(loaded).__name__ == "GraniteForCausalLM"
    assert loaded.dtype == torch.float32
    tokens = torch.randint(0, 400, (3, 29), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = model(tokens), loaded(input_ids=tokens).logits
    assert float((ours - theirs).abs().max() / ours.abs().max()) < 1e-5
    assert not list((tmp_path / "out").glob("*.py"))
    assert "auto_map" not in json.loads((tmp_path / "out" / "config.json").read_text())


@pytest.mark.parametrize(
    "text",
    [
        TEXTS[3],
        "",
        "  two  spaces,\n\n\ttabs and 漢字 é",
        # Names of special tokens in a text are text, as they are in training.
        "<s>a</s> b </s></s> <unk>",
    ],
)
def test_transformers_loads_the_tokenizer_and_gives_the_same_ids(
    tmp_path: Path, tokenizer: Tokenizer, text: str
) -> None:
    export_hf(model_of(), tokenizer, tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(text)["input_ids"] == tokenizer.encode(text).ids
    assert loaded.decode(loaded(text)["input_ids"]) == text
    assert (loaded.eos_token, loaded.eos_token_id, loaded.bos_token_id) == ("</s>", 2, 2)


@pytest.mark.parametrize("changes", [{}, {"attention_scale": "1/h", "tied_embedding": False}])
def test_an_export_comes_back_bit_for_bit_with_its_proxy(
    tmp_path: Path, tokenizer: Tokenizer, changes: dict[str, Any]
) -> None:
    model = model_of(**changes)
    export_hf(model, tokenizer, tmp_path)
    again = load_hf(tmp_path)
    assert again.proxy == model.proxy
    assert weights_sha256(again) == weights_sha256(model)


def test_folded_weights_come_back_to_rounding(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model = model_of(scale_depth=0.7, mlp_scale_depth=2.1)
    export_hf(model, tokenizer, tmp_path)
    again = load_hf(tmp_path)
    assert again.proxy == model.proxy
    for ours, theirs in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=3e-7, atol=0)


def test_the_optimisers_state_comes_back(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model = model_of(mlp_scale_depth=2.1)
    optimiser = make_optimiser(model, Optimiser())
    model.loss(torch.arange(34).view(2, 17)).backward()
    optimiser.step()
    state = optimiser_state(model, optimiser)
    export_hf(model, tokenizer, tmp_path, optimiser_state=state)
    folder = open_hf_folder(tmp_path)
    assert folder.has_optimiser
    found = load_optimiser_state(folder)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], value) for key, value in state.items())
    # transformers does not take it for weights.
    AutoModelForCausalLM.from_pretrained(tmp_path)

    export_hf(model, tokenizer, tmp_path)
    assert not open_hf_folder(tmp_path).has_optimiser


def test_an_optimisers_state_of_other_weights_is_refused(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    model = model_of()
    state = {"exp_avg:model.norm.weight": torch.ones(32)}
    export_hf(model, tokenizer, tmp_path, optimiser_state=state)
    with pytest.raises(DataError, match=r"optimiser\.safetensors exp_avg:model\.embed_tokens"):
        open_hf_folder(tmp_path)


def test_keys_that_were_changed_after_the_export_are_refused(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    export_hf(model_of(), tokenizer, tmp_path, about={"trial": "abc"})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["decaymix"]["trial"] == "abc"
    config["residual_multiplier"] *= 2
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"config\.json decaymix 'scale_depth 1\.4'.*delete this"):
        load_hf(tmp_path)
    del config["decaymix"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert load_hf(tmp_path).proxy.scale_depth == pytest.approx(2.8)


def test_what_transformers_saves_of_an_export_is_read(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model = model_of(scale_depth=0.7, mlp_scale_depth=2.1)
    export_hf(model, tokenizer, tmp_path / "ours")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    loaded.save_pretrained(tmp_path / "theirs")
    assert load_hf(tmp_path / "theirs").proxy == model.proxy


def test_the_end_of_text_token_is_told(tmp_path: Path, tokenizer: Tokenizer) -> None:
    export_hf(model_of(), tokenizer, tmp_path, end_id=7)
    assert tokenizer_and_end(open_hf_folder(tmp_path))[1] == 7
    assert AutoModelForCausalLM.from_pretrained(tmp_path).generation_config.eos_token_id == 7
