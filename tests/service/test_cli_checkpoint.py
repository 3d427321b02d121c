"""`checkpoint inspect|export|import` on files, and a trained trial in transformers' hands."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner, Result

from mixtures.proxy import Proxy
from mixtures.trial import TrialResult
from service.cli import app
from tests.workers.tiny_study import run_tiny_trial, tiny_config, tiny_proxy, tiny_trial, write_data
from workers.checkpoint import load_hf, read_checkpoint, weights_sha256
from workers.prepare import prepare


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "home"


@pytest.fixture(scope="module")
def root(home: Path) -> Path:
    return write_data(home.parent / "data")


@pytest.fixture(scope="module")
def result(home: Path, root: Path) -> TrialResult:
    return run_tiny_trial(home, root, 0.5, 3)


def invoke(home: Path, *arguments: str | Path) -> Result:
    environment = {"DECAYMIX_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "80"}
    return CliRunner().invoke(app, ["checkpoint", *map(str, arguments)], env=environment)


def facts(home: Path, *arguments: str | Path) -> dict[str, Any]:
    done = invoke(home, *arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def bits_per_byte(logits: torch.Tensor, tokens: list[int], answer_start: int) -> float:
    """Bits of the answer's tokens, from the logits of all but the last token."""
    picked = logits.double().log_softmax(-1)[range(len(tokens) - 1), tokens[1:]]
    return float(-picked[answer_start - 1 :].sum() / math.log(2))


def test_an_exported_trial_is_loaded_by_transformers_and_scores_the_same(
    home: Path, root: Path, result: TrialResult, tmp_path: Path
) -> None:
    done = invoke(home, "export", result.trial_id, tmp_path / "model")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")

    config = tiny_config(home, root)
    spec = tiny_trial(config, 0.5, 3)
    prepared = prepare(spec.recipe, spec.data_hashes, config, lambda done, total: None)
    for benchmark, score in zip(prepared.benchmarks, result.scores, strict=True):
        bits = 0.0
        for request in benchmark.requests:
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([request.tokens[:-1]])).logits[0]
            bits += bits_per_byte(logits, list(request.tokens), request.answer_start)
        num_bytes = sum(request.answer_bytes for request in benchmark.requests)
        assert bits / num_bytes == pytest.approx(score.value, rel=1e-5)
    # The prompt as a user would type it has the ids that were scored, after the end token.
    first = prepared.benchmarks[0].requests[0]
    prompt = tokenizer.decode(first.tokens[1 : first.answer_start])
    assert prompt.startswith("Question: What is ")
    assert tokenizer(prompt)["input_ids"] == list(first.tokens[1 : first.answer_start])
    about = json.loads((tmp_path / "model" / "config.json").read_text())["decaymix"]["about"]
    assert about["mixture"] == {"text": 0.5, "sums": 0.5}
    assert weights_sha256(load_hf(tmp_path / "model")) == result.weights_sha256


def test_the_stable_checkpoint_of_a_trial_is_exported_with_its_optimiser(
    home: Path, result: TrialResult, tmp_path: Path
) -> None:
    done = facts(home, "export", result.stable_checkpoint, tmp_path / "stable")
    assert done["optimiser_state"] is True
    assert "optimiser.safetensors" in done["files"]
    assert facts(home, "inspect", tmp_path / "stable")["optimiser_state"] is True
    assert facts(home, "inspect", result.trial_id)["optimiser_state"] is False


def test_inspect_prints_a_proxy_that_can_be_pasted_into_a_study(
    home: Path, result: TrialResult, tmp_path: Path
) -> None:
    invoke(home, "export", result.trial_id, tmp_path / "model")
    for checkpoint in (result.trial_id, tmp_path / "model", home / "trials" / result.trial_id):
        shown = invoke(home, "inspect", checkpoint).stdout
        pasted = yaml.safe_load(shown[shown.index("proxy:") :])["proxy"]
        assert Proxy.model_validate(pasted) == tiny_proxy()
        assert f"{tiny_proxy().num_non_embedding_parameters:,}" in shown
        assert "400 tokens, end of text 2" in shown
    found = facts(home, "inspect", result.trial_id)
    assert found["about"]["trial_id"] == result.trial_id
    assert found["multipliers"]["embedding"] == 12.0


def test_what_was_exported_is_imported_to_the_same_weights(
    home: Path, result: TrialResult, tmp_path: Path
) -> None:
    invoke(home, "export", result.stable_checkpoint, tmp_path / "stable")
    done = facts(home, "import", tmp_path / "stable")
    assert Path(done["folder"]).parent == home / "checkpoints"
    assert done["optimiser_state"] is True
    original = home / "stable" / result.stable_checkpoint / "stable.safetensors"
    wanted, wanted_state, _ = read_checkpoint(original)
    found, state, about = read_checkpoint(Path(done["folder"]) / "weights.safetensors")
    assert weights_sha256(found) == weights_sha256(wanted)
    assert state.keys() == wanted_state.keys()
    assert all(torch.equal(state[key], wanted_state[key]) for key in state)
    assert about["end_id"] == 2
    given = facts(home, "import", tmp_path / "stable", "--to", tmp_path / "mine")
    assert given["folder"] == str(tmp_path / "mine")
    assert facts(home, "inspect", tmp_path / "mine")["optimiser_state"] is True


def test_problems_are_one_line_and_exit_2(home: Path, result: TrialResult, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("do not touch")
    (tmp_path / "pickle").mkdir()
    (tmp_path / "pickle" / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    cases = [
        (("inspect", tmp_path / "nothing"), "no such file or folder, and not the id"),
        (("inspect", tmp_path / "pickle"), "model_type 'gpt2': expected one of granite"),
        (("import", tmp_path / "full"), "config.json"),
        (("export", "0123456789abcdef", tmp_path / "x"), "keep_weights: all"),
        (("export", result.trial_id, tmp_path / "full"), "holds something already"),
        (("export", result.trial_id, tmp_path / "full" / "mine.txt" / "x"), "cannot write"),
    ]
    for arguments, message in cases:
        done = invoke(home, *arguments)
        assert done.exit_code == 2, (arguments, done.output)
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_a_study_that_keeps_no_weights_leaves_none_and_says_how_to_keep_them(
    tmp_path: Path, root: Path
) -> None:
    from workers.run import TrialRunner

    config = tiny_config(tmp_path / "home", root)
    spec = tiny_trial(config, 0.5, 3, keep_weights="none")
    TrialRunner(config).run(spec, 1, lambda progress: None)
    assert not list((config.home / "trials").rglob("*.safetensors"))
    done = invoke(config.home, "export", spec.trial_id, tmp_path / "model")
    assert done.exit_code == 2
    assert "its study keeps none; submit it with keep_weights: all" in done.stderr
