"""Phases: what fits together in a schedule, and what each form leaves out."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.phases import Decay, FullRun, Optimiser, StablePhase


def test_warm_up_may_fill_the_stable_phase_and_no_more() -> None:
    assert StablePhase(tokens=100, warmup_tokens=100).warmup_tokens == 100
    with pytest.raises(ValidationError, match=r"warmup_tokens 101 exceeds the stable phase's 100"):
        StablePhase(tokens=100, warmup_tokens=101)


def test_a_shorter_stable_phase_needs_a_shorter_warm_up_said_aloud() -> None:
    with pytest.raises(ValidationError, match="80000 exceeds the stable phase's 40000"):
        StablePhase(tokens=40_000)


def test_the_half_life_is_a_fifth_of_the_decay_unless_it_is_given() -> None:
    assert Decay(tokens=150_000).half_life == 30_000
    assert Decay(tokens=150_000, half_life_tokens=7).half_life == 7


@pytest.mark.parametrize("form", ["linear", "1-sqrt", "cosine"])
def test_only_the_exponential_form_has_a_half_life(form: Any) -> None:
    assert Decay(form=form).half_life_tokens is None
    with pytest.raises(ValidationError, match=f"half_life_tokens 5 is given for the form '{form}'"):
        Decay(form=form, half_life_tokens=5)


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (Decay, {"tokens": 0}, "tokens"),
        (Decay, {"form": "step"}, "exponential"),
        (Decay, {"min_lr_ratio": 1.5}, "min_lr_ratio"),
        (StablePhase, {"tokens": 0, "warmup_tokens": 0}, "tokens"),
        (StablePhase, {"warmup_tokens": -1}, "warmup_tokens"),
        (Optimiser, {"peak_lr": 0}, "peak_lr"),
        (Optimiser, {"batch_tokens": 0}, "batch_tokens"),
        (Optimiser, {"beta1": 1}, "beta1"),
        (Optimiser, {"beta2": -0.1}, "beta2"),
        (Optimiser, {"weight_decay": -1}, "weight_decay"),
        (Optimiser, {"clip_norm": 0}, "clip_norm"),
        (FullRun, {"decay_tokens": 0}, "decay_tokens"),
        (FullRun, {}, "decay_tokens"),
        (FullRun, {"decay_tokens": 1, "unique_tokens": {"Web": 1}}, "unique_tokens"),
    ],
)
def test_a_number_out_of_its_range_is_refused_by_name(
    model: Any, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        model.model_validate(fields)
