"""The stable checkpoint: built once, named by all that made it, and by nothing else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from mixtures.recipe import Recipe
from tests.workers.tiny_study import tiny_study
from workers import decay_checkpoint
from workers.config import WorkerConfig
from workers.interrupted import TrialStopped
from workers.prepare import Prepared
from workers.stable import stable_checkpoint, start_of_training


class Stopped(Exception):
    """What a cancelled trial raises from its progress."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def config(tmp_path: Path, shared_config: WorkerConfig) -> WorkerConfig:
    return WorkerConfig(home=tmp_path / "home", data_roots=shared_config.data_roots)


def name_of(prepared: Prepared, home: Path) -> str:
    """The name that the checkpoint would have, from the lock of a build that stops at once."""

    def stop(step: Any, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        stable_checkpoint(prepared, WorkerConfig(home=home, data_roots=()), stop)
    (lock,) = (home / "stable").glob("*.lock")
    return lock.stem


def with_recipe(prepared: Prepared, **changes: Any) -> Prepared:
    return replace(prepared, recipe=tiny_study(**changes).recipe)


@pytest.mark.parametrize(
    ("ends_by", "saves_each"), [(TrialStopped, 60.0), (Stopped, 0.0), (Stopped, 60.0)]
)
def test_a_long_one_goes_on_where_it_was_saved_to_the_same_bits(
    prepared: Prepared,
    config: WorkerConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ends_by: type[Exception],
    saves_each: float,
) -> None:
    monkeypatch.setattr(decay_checkpoint, "SAVE_EVERY_SECONDS", saves_each)

    def end(step: Any, total: int) -> None:
        if step.tokens >= 4 * 256:
            raise ends_by

    with pytest.raises(ends_by):
        stable_checkpoint(prepared, config, end)
    steps: list[int] = []
    folder = stable_checkpoint(prepared, config, lambda step, total: steps.append(step.tokens))
    # A kill before the first save is all that begins anew.
    is_saved = ends_by is TrialStopped or saves_each == 0.0
    assert steps == list(range(5 * 256 if is_saved else 256, 2561, 256))
    other = WorkerConfig(home=tmp_path / "undisturbed", data_roots=config.data_roots)
    whole = stable_checkpoint(prepared, other, lambda step, total: None)
    name = "stable.safetensors"
    assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert not list(folder.parent.glob("*.progress"))


def test_it_is_built_once_with_weights_and_the_optimisers_state(
    prepared: Prepared, config: WorkerConfig
) -> None:
    steps: list[int] = []
    folder = stable_checkpoint(prepared, config, lambda step, total: steps.append(step.tokens))
    # Ten steps of 256 tokens.
    assert steps == list(range(256, 2561, 256))
    again = stable_checkpoint(prepared, config, lambda step, total: steps.append(step.tokens))
    assert again == folder
    assert len(steps) == 10
    assert sorted(path.name for path in folder.iterdir()) == [
        "stable.safetensors",
        "tokenizer.json",
    ]
    with safe_open(str(folder / "stable.safetensors"), framework="pt") as stored:
        names, metadata = set(stored.keys()), stored.metadata()
    model, _ = start_of_training(prepared.recipe)
    num_parameters = len(list(model.parameters()))
    # Each parameter has its two moments beside it.
    assert len([name for name in names if "exp_avg_sq" in name]) == num_parameters
    about = json.loads(metadata["about"])
    assert about["tokens"] == 2560
    assert about["recipe"] == prepared.recipe.content_hash()
    assert about["sequences"] == {"text": 80}
    # log(400) = 5.99 nats is knowing nothing.
    assert 0 < about["final_loss"] < 5.99


def test_a_build_that_is_stopped_leaves_nothing_to_start_from(
    prepared: Prepared, config: WorkerConfig
) -> None:
    def stop(step: Any, total: int) -> None:
        if step.tokens > 1000:
            raise Stopped

    with pytest.raises(Stopped):
        stable_checkpoint(prepared, config, stop)
    whole = [p for p in (config.home / "stable").iterdir() if p.is_dir() and p.suffix == ""]
    assert whole == []
    steps: list[int] = []
    stable_checkpoint(prepared, config, lambda step, total: steps.append(step.tokens))
    assert len(steps) == 10


@pytest.mark.parametrize(
    ("changes", "is_another"),
    [
        ({"stable": {"tokens": 2816, "warmup_tokens": 512}}, True),
        ({"stable": {"tokens": 2560, "warmup_tokens": 256}}, True),
        ({"optimiser": {"batch_tokens": 256, "peak_lr": 0.02}}, True),
        ({"optimiser": {"batch_tokens": 256, "weight_decay": 0.0}}, True),
        ({"stable_seed": 1}, True),
        # What comes after the stable phase does not change it: all trials share it.
        ({"decay": {"tokens": 2560, "form": "linear"}}, False),
        ({"seeds": [8, 9]}, False),
        ({"space": {"sft_share": [0.25]}}, False),
        ({"objective": {"weights": {"held_out": 2}}}, False),
        ({"sft_shares": {"sums": 1.0}}, False),
        ({"benchmarks": [{"name": "held_out", "held_out": "text"}]}, False),
    ],
)
def test_what_made_it_names_it(
    prepared: Prepared, tmp_path: Path, changes: dict[str, Any], is_another: bool
) -> None:
    first = name_of(prepared, tmp_path / "first")
    other = name_of(with_recipe(prepared, **changes), tmp_path / "other")
    assert (other != first) is is_another


def test_the_start_depends_on_the_stable_seed_alone(prepared: Prepared) -> None:
    def weights(recipe: Recipe) -> torch.Tensor:
        model, _ = start_of_training(recipe)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    base = weights(prepared.recipe)
    torch.manual_seed(123)  # whatever else drew numbers before
    assert torch.equal(weights(prepared.recipe), base)
    assert torch.equal(weights(tiny_study(data_seed=5).recipe), base)
    assert not torch.equal(weights(tiny_study(stable_seed=1).recipe), base)
