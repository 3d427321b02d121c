"""Which studies keep the weights of their trials, and that old trials keep their identity."""

from typing import Any

import pytest

from mixtures.design import first_trials
from tests.workers.tiny_study import tiny_study


@pytest.mark.parametrize(
    ("proxy", "keep", "kept"),
    [
        ("pico", "small", True),  # 590,688 weights of 4 bytes: 2.4 MB
        ("pico", "none", False),
        # 6,033,664 + 2,048 x 256 weights: 26 MB.
        ({"preset": "nano", "vocab_size": 2048, "context_tokens": 256}, "small", False),
        ({"preset": "nano", "vocab_size": 2048, "context_tokens": 256}, "all", True),
    ],
)
def test_the_weights_of_small_proxies_are_kept_unless_the_study_says_otherwise(
    proxy: Any, keep: str, kept: bool
) -> None:
    study = tiny_study(proxy=proxy, keep_weights=keep)
    trials = first_trials(study, "s", {})
    assert {trial.keep_weights for trial in trials} == {kept}


def test_by_default_neither_study_nor_trial_has_another_identity() -> None:
    study = tiny_study()
    assert study == tiny_study(keep_weights="small")
    (trial, *_) = first_trials(study, "s", {})
    assert trial.keep_weights
    assert "keep_weights" not in study.canonical() + trial.canonical()
    (without, *_) = first_trials(tiny_study(keep_weights="none"), "s", {})
    assert without.trial_id != trial.trial_id
