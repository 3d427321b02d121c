"""A study that starts from a user's own checkpoint: checked, pinned, and really started from."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from mixtures.trial import TrialResult
from tests.workers.tiny_study import (
    TINY_PROXY,
    run_tiny_trial,
    tiny_config,
    tiny_proxy,
    tiny_study,
    tiny_trial,
    write_data,
)
from workers.check import check_data
from workers.checkpoint import export_hf, load_hf, read_checkpoint, weights_sha256
from workers.config import WorkerConfig
from workers.files import DataError
from workers.prepare import prepare
from workers.run import TrialRunner
from workers.tokenizer import load_tokenizer
from workers.xmodel2 import Xmodel2

FROM_MINE: dict[str, Any] = {"stable": {"checkpoint": "models/mine"}}


@pytest.fixture(scope="module")
def trained_here(tmp_path_factory: pytest.TempPathFactory, tiny_root: Path) -> tuple[Path, Any]:
    """A home whose trial (share 0.5, seed 3) started from a stable phase of its own."""
    home = tmp_path_factory.mktemp("here")
    return home, run_tiny_trial(home, tiny_root, 0.5, 3)


@pytest.fixture
def config(tmp_path: Path, trained_here: tuple[Path, TrialResult]) -> WorkerConfig:
    """Data, and in `models/mine` the stable checkpoint of `trained_here`, optimiser and all."""
    home, result = trained_here
    root = write_data(tmp_path / "data")
    stable = home / "stable" / result.stable_checkpoint
    model, state, about = read_checkpoint(stable / "stable.safetensors")
    export_hf(
        model,
        stable / "tokenizer.json",
        root / "models" / "mine",
        end_id=about["end_id"],
        optimiser_state=state,
    )
    return tiny_config(tmp_path / "home", root)


def run(config: WorkerConfig, share: float, seed: int, **changes: Any) -> TrialResult:
    spec = tiny_trial(config, share, seed, **{**FROM_MINE, **changes})
    return TrialRunner(config).run(spec, 1, lambda progress: None)


def test_the_decay_goes_on_bit_for_bit_where_the_training_was(
    config: WorkerConfig, trained_here: tuple[Path, TrialResult]
) -> None:
    _, expected = trained_here
    report = check_data(tiny_study(**FROM_MINE).recipe, config)
    assert report.checkpoint is not None
    assert report.checkpoint.optimiser_state == "restored"
    assert report.checkpoint.num_parameters == tiny_proxy().num_parameters
    result = run(config, 0.5, 3)
    assert result.weights_sha256 == expected.weights_sha256
    assert result.scores == expected.scores
    assert result.optimiser_state == "restored"
    # Nothing was trained before the decay, and the base has a name of its own.
    assert result.stable_checkpoint != expected.stable_checkpoint


def test_without_the_optimisers_state_its_moments_are_fresh_and_the_result_says_so(
    config: WorkerConfig, trained_here: tuple[Path, TrialResult]
) -> None:
    (config.data_roots[0] / "models" / "mine" / "optimiser.safetensors").unlink()
    report = check_data(tiny_study(**FROM_MINE).recipe, config)
    assert report.checkpoint is not None
    assert report.checkpoint.optimiser_state == "fresh"
    result = run(config, 0.5, 3)
    assert result.optimiser_state == "fresh"
    assert result.weights_sha256 != trained_here[1].weights_sha256
    # The loss before the first step is the checkpoint's: that does not depend on the moments.
    assert result.curve[0].loss == trained_here[1].curve[0].loss


def test_content_that_changed_since_the_study_was_submitted_is_refused(
    config: WorkerConfig,
) -> None:
    spec = tiny_trial(config, 0.5, 0, **FROM_MINE)
    path = config.data_roots[0] / "models" / "mine" / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"][0] += 1e-3
    save_file(weights, path)
    with pytest.raises(DataError, match=r"'models/mine': its content changed since") as caught:
        TrialRunner(config).run(spec, 1, lambda progress: None)
    assert caught.value.field == "stable.checkpoint"


def test_another_checkpoint_is_another_trial_and_another_base(config: WorkerConfig) -> None:
    root = config.data_roots[0]
    shutil.copytree(root / "models" / "mine", root / "models" / "other")
    weights = load_file(root / "models" / "other" / "model.safetensors")
    weights["model.norm.weight"][0] += 1e-3
    save_file(weights, root / "models" / "other" / "model.safetensors")
    one = run(config, 0.5, 0)
    other = run(config, 0.5, 0, stable={"checkpoint": "models/other"})
    assert one.trial_id != other.trial_id
    assert one.stable_checkpoint != other.stable_checkpoint
    assert one.weights_sha256 != other.weights_sha256


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"rope_base": 20_000.0}, "proxy.rope_base", r"'20000\.0'.*'models/mine' has 10000\.0"),
        ({"ffn_width": 96}, "proxy.ffn_width", "'96'.*has 64"),
        ({"scale_depth": 2.0}, "proxy.scale_depth", r"'2\.0'.*has 1\.4"),
        ({"attention_scale": "1/h"}, "proxy.attention_scale", r"'1/h'.*has 1/sqrt\(h\)"),
        ({"vocab_size": 401}, "proxy.vocab_size", "'401'.*has 400"),
        ({"context_tokens": 64}, "proxy.context_tokens", "'64'.*has 32"),
    ],
)
def test_a_proxy_that_is_not_the_checkpoints_is_refused_with_both_values(
    config: WorkerConfig, changes: dict[str, Any], field: str, message: str
) -> None:
    study = tiny_study(**FROM_MINE, proxy={**TINY_PROXY, **changes})
    with pytest.raises(DataError, match=message) as caught:
        check_data(study.recipe, config)
    assert caught.value.field == field
    assert "checkpoint inspect" in str(caught.value)


def test_a_folder_that_cannot_be_read_is_refused_before_the_study_is_accepted(
    config: WorkerConfig,
) -> None:
    recipe = tiny_study(**FROM_MINE).recipe
    mine = config.data_roots[0] / "models" / "mine"
    weights = load_file(mine / "model.safetensors")
    weights["model.norm.weight"][0] = float("inf")
    save_file(weights, mine / "model.safetensors")
    with pytest.raises(DataError, match=r"stable\.checkpoint 'models/mine': .*not finite"):
        check_data(recipe, config)
    (mine / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"stable\.checkpoint 'models/mine': tokenizer\.json"):
        check_data(recipe, config)
    shutil.rmtree(mine)
    with pytest.raises(DataError, match=r"no such folder under the data roots"):
        check_data(recipe, config)


def test_a_checkpoint_outside_the_data_roots_is_refused(config: WorkerConfig) -> None:
    study = tiny_study(stable={"checkpoint": "../elsewhere"})
    with pytest.raises(DataError, match=r"relative to a data root, without '\.\.'"):
        check_data(study.recipe, config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stable": {"checkpoint": "m", "tokens": 100}}, r"checkpoint 'm' has its stable phase"),
        ({"stable": {"checkpoint": "m", "warmup_tokens": 100}}, "leave warmup_tokens out"),
        ({"stable": {"checkpoint": "m"}, "stable_seed": 3}, r"where stable\.checkpoint is 'm'"),
        ({"stable": {"tokens": 0, "warmup_tokens": 0}}, "expected at least 1"),
        ({"stable": {"checkpoint": ""}}, "at least 1 character"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tiny_study(**changes)


def test_a_study_with_a_checkpoint_comes_back_from_its_own_json() -> None:
    study = tiny_study(**FROM_MINE)
    assert type(study).model_validate_json(study.canonical()) == study
    # And a study without one has the identity that it had before there was such a field.
    assert "checkpoint" not in tiny_study().canonical()


def write_words_model(folder: Path) -> Tokenizer:
    """A model with a tokenizer of another kind: words, a begin token, padding, its own end id."""
    words = ["[UNK]", "What", "is", "+", "?", "Question", "Answer", ":", "ba", "co", "di", "fu"]
    words += [str(number) for number in range(350)] + ["<end>", "<begin>"]
    tokenizer = Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<end>", "<begin>"])
    begin = tokenizer.token_to_id("<begin>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<begin> $A", special_tokens=[("<begin>", begin)]
    )
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=4)
    model = Xmodel2(tiny_proxy())
    model.init_weights(1)
    export_hf(model, tokenizer, folder, end_id=tokenizer.token_to_id("<end>"))
    return tokenizer


def test_a_tokenizer_of_another_kind_is_used_for_its_texts_tokens_alone(tmp_path: Path) -> None:
    root = write_data(tmp_path / "data")
    config = tiny_config(tmp_path / "home", root)
    tokenizer = write_words_model(root / "models" / "mine")
    end, begin = tokenizer.token_to_id("<end>"), tokenizer.token_to_id("<begin>")
    spec = tiny_trial(config, 0.5, 0, **FROM_MINE)
    prepared = prepare(spec.recipe, spec.data_hashes, config, lambda done, total: None)
    assert prepared.end_id == end != 2
    # Each of the 150 items ends with the end token, and none begins with the begin token.
    tokens = np.asarray(prepared.sources["sums"].tokens)
    assert (tokens == end).sum() == 150
    assert (tokens == begin).sum() == 0
    for benchmark in prepared.benchmarks:
        assert all(end in request.tokens[:1] for request in benchmark.requests[:1])
    # "Question : What is 7 + 8 ? Answer :" after the end token; then the sum.
    request = prepared.benchmarks[0].requests[0]
    assert len(request.tokens) == 12
    assert request.answer_start == 11
    result = TrialRunner(config).run(spec, 1, lambda progress: None)
    assert all(np.isfinite(score.value) for score in result.scores)


def test_names_of_control_tokens_in_a_text_are_text(tmp_path: Path) -> None:
    tokenizer = write_words_model(tmp_path)
    end = tokenizer.token_to_id("<end>")
    assert end in tokenizer.encode("1 <end>").ids
    plain = load_tokenizer(tmp_path)
    assert end not in plain.encode("1 <end>").ids
    assert plain.encode("1 2 3 4 5 6").ids == [tokenizer.token_to_id(str(i)) for i in range(1, 7)]


def test_the_weights_of_a_trial_are_kept_with_the_checkpoints_tokenizer(
    config: WorkerConfig, tmp_path: Path
) -> None:
    result = run(config, 0.5, 0)
    folder = config.home / "trials" / result.trial_id
    assert sorted(path.name for path in folder.iterdir()) == [
        "items.parquet",
        "tokenizer.json",
        "weights.safetensors",
    ]
    model, state, about = read_checkpoint(folder / "weights.safetensors")
    assert weights_sha256(model) == result.weights_sha256
    assert not state
    assert (about["trial_id"], about["end_id"]) == (result.trial_id, 2)
    mine = config.data_roots[0] / "models" / "mine"
    assert (folder / "tokenizer.json").read_text() == (mine / "tokenizer.json").read_text()


def test_the_check_of_other_studies_needs_no_torch() -> None:
    # It takes three seconds to import, at every submission.
    code = "import workers.check, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_that_transformers_saved_can_be_the_base(config: WorkerConfig) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    mine = config.data_roots[0] / "models" / "mine"
    theirs = config.data_roots[0] / "models" / "theirs"
    AutoModelForCausalLM.from_pretrained(mine).save_pretrained(theirs)
    AutoTokenizer.from_pretrained(mine).save_pretrained(theirs)
    assert json.loads((theirs / "config.json").read_text())["model_type"] == "granite"
    result = run(config, 0.5, 3, stable={"checkpoint": "models/theirs"})
    assert result.optimiser_state == "fresh"
    with torch.no_grad():
        tokens = torch.arange(20).view(1, 20)
        assert torch.equal(load_hf(theirs)(tokens), load_hf(mine)(tokens))
