"""A decay that is killed at any step and goes on ends with the bits of one that was not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mixtures.trial import TrialResult
from tests.workers.tiny_study import run_tiny_trial, tiny_config, tiny_trial
from workers import decay_checkpoint
from workers.interrupted import TrialCancelled, TrialStopped
from workers.run import TrialRunner

# Of five steps, so that kills fall before, between and after saves.
STEPS = range(1, 6)


class Killed(BaseException):
    """Nothing in the worker may catch it, as nothing catches SIGKILL."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny_root: Path) -> TrialResult:
    return run_tiny_trial(tmp_path_factory.mktemp("undisturbed"), tiny_root, 0.5, 3)


@pytest.fixture
def save_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decay_checkpoint, "SAVE_EVERY_SECONDS", 0.0)


def run_killed_at(home: Path, root: Path, tokens: int, **changes: Any) -> None:
    """An attempt that dies once `tokens` of its decay are trained."""
    config = tiny_config(home, root)

    def kill(progress: object) -> None:
        if getattr(progress, "phase", "") == "decay" and getattr(progress, "done", 0) >= tokens:
            raise Killed

    with pytest.raises(Killed):
        TrialRunner(config).run(tiny_trial(config, 0.5, 3, **changes), 1, kill)


def same(a: TrialResult, b: TrialResult) -> bool:
    fields = ("weights_sha256", "scores", "curve", "source_tokens", "epochs")
    return all(getattr(a, field) == getattr(b, field) for field in fields)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.usefixtures("save_always")
def test_a_decay_killed_at_any_step_ends_with_the_same_bits(
    undisturbed: TrialResult, tmp_path: Path, tiny_root: Path, step: int
) -> None:
    run_killed_at(tmp_path, tiny_root, 256 * step)
    again = run_tiny_trial(tmp_path, tiny_root, 0.5, 3)
    assert same(again, undisturbed)


@pytest.mark.usefixtures("save_always")
def test_a_killed_decay_with_muon_ends_with_the_same_bits(tmp_path: Path, tiny_root: Path) -> None:
    muon = {"decay": {"tokens": 1280, "optimiser": "muon"}}
    run_killed_at(tmp_path / "killed", tiny_root, 768, **muon)
    results = []
    for home in ("killed", "undisturbed"):
        config = tiny_config(tmp_path / home, tiny_root)
        spec = tiny_trial(config, 0.5, 3, **muon)
        results.append(TrialRunner(config).run(spec, 2, lambda progress: None))
    assert same(*results)


@pytest.mark.usefixtures("save_always")
def test_only_the_steps_that_are_missing_are_run(tmp_path: Path, tiny_root: Path) -> None:
    run_killed_at(tmp_path, tiny_root, 768)
    config = tiny_config(tmp_path, tiny_root)
    done = []
    TrialRunner(config).run(
        tiny_trial(config, 0.5, 3), 2, lambda p: done.append(p.done) if p.phase == "decay" else None
    )
    # The beginning of the phase, then the fourth and the fifth step.
    assert done == [0, 1024, 1280]


def test_a_short_decay_saves_nothing(tmp_path: Path, tiny_root: Path) -> None:
    run_killed_at(tmp_path, tiny_root, 768)
    assert not (tmp_path / "decay").exists()


@pytest.mark.usefixtures("save_always")
def test_nothing_is_left_once_the_decay_has_ended(tmp_path: Path, tiny_root: Path) -> None:
    run_tiny_trial(tmp_path, tiny_root, 0.5, 3)
    assert list((tmp_path / "decay").iterdir()) == []


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [flip_a_bit, cut, Path.unlink])
@pytest.mark.parametrize("name", ["decay.safetensors", "decay.json"])
@pytest.mark.usefixtures("save_always")
def test_a_damaged_checkpoint_is_not_gone_on_from(
    undisturbed: TrialResult,
    tmp_path: Path,
    tiny_root: Path,
    damage: Callable[[Path], None],
    name: str,
) -> None:
    run_killed_at(tmp_path, tiny_root, 768)
    (file,) = (tmp_path / "decay").glob(f"*/{name}")
    damage(file)
    assert same(run_tiny_trial(tmp_path, tiny_root, 0.5, 3), undisturbed)


@pytest.mark.usefixtures("save_always")
def test_a_cancelled_trial_that_is_retried_goes_on(
    undisturbed: TrialResult, tmp_path: Path, tiny_root: Path
) -> None:
    config = tiny_config(tmp_path, tiny_root)

    def cancel(progress: object) -> None:
        if getattr(progress, "phase", "") == "decay" and getattr(progress, "done", 0) >= 512:
            raise TrialCancelled

    with pytest.raises(TrialCancelled):
        TrialRunner(config).run(tiny_trial(config, 0.5, 3), 1, cancel)
    assert same(run_tiny_trial(tmp_path, tiny_root, 0.5, 3), undisturbed)


def stop_in(phase: str, done: int) -> Callable[[object], None]:
    def stop(progress: object) -> None:
        if getattr(progress, "phase", "") == phase and getattr(progress, "done", 0) >= done:
            raise TrialStopped

    return stop


def decay_steps_of(home: Path, root: Path) -> tuple[TrialResult, list[int]]:
    """The trial run to its end, and how far its decay was at each word of it."""
    config = tiny_config(home, root)
    done: list[int] = []
    result = TrialRunner(config).run(
        tiny_trial(config, 0.5, 3), 2, lambda p: done.append(p.done) if p.phase == "decay" else None
    )
    return result, done


def test_a_controller_that_ends_has_also_a_short_decay_save_itself(
    undisturbed: TrialResult, tmp_path: Path, tiny_root: Path
) -> None:
    config = tiny_config(tmp_path, tiny_root)
    with pytest.raises(TrialStopped):
        TrialRunner(config).run(tiny_trial(config, 0.5, 3), 1, stop_in("decay", 768))
    again, done = decay_steps_of(tmp_path, tiny_root)
    assert done == [0, 1024, 1280]
    assert same(again, undisturbed)
    assert list((tmp_path / "decay").iterdir()) == []


@pytest.mark.usefixtures("save_always")
def test_a_long_decay_is_not_trained_again_when_its_evaluation_is_lost(
    undisturbed: TrialResult, tmp_path: Path, tiny_root: Path
) -> None:
    config = tiny_config(tmp_path, tiny_root)
    with pytest.raises(TrialStopped):
        TrialRunner(config).run(tiny_trial(config, 0.5, 3), 1, stop_in("evaluate", 1))
    again, done = decay_steps_of(tmp_path, tiny_root)
    assert done == [0]
    assert same(again, undisturbed)
