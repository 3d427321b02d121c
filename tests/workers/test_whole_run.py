"""Whole-run schedules beside decays: one curve over both phases, at equal tokens."""

from pathlib import Path

import pytest

from mixtures.trial import TrialResult
from tests.workers.tiny_study import tiny_config, tiny_trial
from workers.run import TrialRunner


def run(home: Path, root: Path, form: str, seed: int = 3) -> tuple[TrialResult, list[int]]:
    """A trial of ten stable and five decay steps of 256 tokens; the tokens of its first phase."""
    config = tiny_config(home, root)
    spec = tiny_trial(config, 0.5, seed, decay={"tokens": 1280, "form": form})
    trained: list[int] = []

    def note(progress: object) -> None:
        if getattr(progress, "phase", "") == "stable" and getattr(progress, "done", 0):
            trained.append(getattr(progress, "done", 0))

    return TrialRunner(config).run(spec, 1, note), trained


def test_a_whole_run_falls_from_the_warm_up_on(tmp_path: Path, tiny_root: Path) -> None:
    result, trained = run(tmp_path, tiny_root, "whole-linear")
    peak = tiny_trial(tiny_config(tmp_path, tiny_root), 0.5, 3).recipe.optimiser.peak_lr
    warmup = tiny_trial(tiny_config(tmp_path, tiny_root), 0.5, 3).recipe.stable.warmup_tokens
    # 15 steps in all; the mixture begins with the eleventh, and the last ends at zero.
    left = 3840 - warmup
    rates = [peak * (1 - (256 * step - warmup) / left) for step in range(10, 15)]
    assert [point.learning_rate for point in result.curve] == pytest.approx(rates)
    assert trained[-1] == 2560


def test_its_first_part_is_its_own_and_shared_between_seeds(
    tmp_path: Path, tiny_root: Path
) -> None:
    decay, _ = run(tmp_path, tiny_root, "linear")
    whole, trained = run(tmp_path, tiny_root, "whole-linear")
    assert trained
    assert whole.stable_checkpoint != decay.stable_checkpoint
    again, trained = run(tmp_path, tiny_root, "whole-linear", seed=4)
    assert again.stable_checkpoint == whole.stable_checkpoint
    assert trained == []
    assert again.source_tokens.keys() == decay.source_tokens.keys()
    assert sum(again.source_tokens.values()) == sum(decay.source_tokens.values())
