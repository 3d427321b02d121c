"""Learning rates at the corner steps, computed by hand."""

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from mixtures.phases import Decay, StablePhase, WholeRun
from workers.schedule import decay_factor, stable_factor, whole_run_factor

BATCH = 100  # tokens a step


def decay(**fields: Any) -> Decay:
    return Decay.model_validate({"tokens": 1000, **fields})


def test_warm_up_is_linear_and_counts_the_steps_own_tokens() -> None:
    phase = StablePhase(tokens=1000, warmup_tokens=400)
    # First step, second, last of the warm-up, first at the peak, last.
    assert [stable_factor(n, phase) for n in (100, 200, 400, 500, 1000)] == [0.25, 0.5, 1, 1, 1]


def test_without_warm_up_the_first_step_runs_at_the_peak() -> None:
    assert stable_factor(BATCH, StablePhase(tokens=1000, warmup_tokens=0)) == 1.0


@pytest.mark.parametrize("form", ["exponential", "linear", "1-sqrt", "cosine"])
@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_the_first_step_of_a_decay_runs_at_the_peak(form: str, floor: float) -> None:
    assert decay_factor(0, decay(form=form, min_lr_ratio=floor)) == 1.0


def test_the_exponential_form_halves_at_every_half_life() -> None:
    spec = decay(form="exponential", half_life_tokens=200)
    halves = [decay_factor(tokens, spec) for tokens in (200, 400, 600, 800, 1000)]
    assert halves == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32]
    # The last step starts at 900 tokens: 2^-4.5 = sqrt(2) / 32.
    assert decay_factor(900, spec) == pytest.approx(math.sqrt(2) / 32, rel=1e-12)


def test_the_half_life_is_a_fifth_of_the_decay_when_not_given() -> None:
    assert decay_factor(200, decay(form="exponential")) == 0.5


def test_the_report_s_half_life_reaches_a_tenth_after_16610_steps() -> None:
    # FACTS 1.2: T is 5,000 steps of 3,932,160 tokens; log2(10) * 5,000 = 16,609.6.
    step = 3_932_160
    spec = Decay(tokens=20_000 * step, half_life_tokens=5000 * step)
    rates = [0.01 * decay_factor(n * step, spec) for n in (0, 5000, 10_000, 15_000)]
    assert rates == [0.01, 0.005, 0.0025, 0.00125]
    assert decay_factor(16_609 * step, spec) > 0.1 > decay_factor(16_610 * step, spec)


def test_the_floor_stops_the_exponential_form_and_leaves_its_half_life() -> None:
    spec = decay(form="exponential", half_life_tokens=200, min_lr_ratio=0.1)
    assert [decay_factor(n, spec) for n in (200, 600, 800, 1000)] == [0.5, 0.125, 0.1, 0.1]


@pytest.mark.parametrize(
    ("form", "tokens", "factor"),
    [
        ("linear", 500, 0.5),
        ("linear", 900, 0.1),  # the last step
        ("1-sqrt", 250, 0.5),
        ("1-sqrt", 810, 0.1),
        ("cosine", 500, 0.5),
        ("cosine", 250, (1 + math.sqrt(0.5)) / 2),  # cos 45 degrees
        ("cosine", 750, (1 - math.sqrt(0.5)) / 2),
    ],
)
def test_the_other_forms_fall_from_one_to_the_floor(form: str, tokens: int, factor: float) -> None:
    assert decay_factor(tokens, decay(form=form)) == pytest.approx(factor, abs=1e-12)
    # Stretched between 1 and the floor: .1 + .9 * factor.
    stretched = decay_factor(tokens, decay(form=form, min_lr_ratio=0.1))
    assert stretched == pytest.approx(0.1 + 0.9 * factor, abs=1e-12)
    for after in (1000, 1100):
        assert decay_factor(after, decay(form=form)) == pytest.approx(0, abs=1e-12)
        assert decay_factor(after, decay(form=form, min_lr_ratio=0.1)) == pytest.approx(0.1)


def test_a_whole_run_warms_up_and_falls_to_a_tenth() -> None:
    run = WholeRun(tokens=1000, warmup_tokens=200)
    factors = [whole_run_factor(tokens, BATCH, run) for tokens in (0, 100, 200, 600, 900, 1000)]
    # First step, last of the warm-up, first after it, half-way, last step (cos 157.5 degrees is
    # -sqrt(2 + sqrt(2)) / 2), and where the next would start.
    last = 0.1 + 0.45 * (1 - math.sqrt(2 + math.sqrt(2)) / 2)
    assert factors == pytest.approx([0.5, 1, 1, 0.55, last, 0.1], abs=1e-12)


def test_a_whole_run_can_fall_linearly_to_zero() -> None:
    run = WholeRun(tokens=1000, warmup_tokens=0, form="linear", min_lr_ratio=0)
    factors = [whole_run_factor(tokens, BATCH, run) for tokens in (0, 100, 500, 900, 1000)]
    assert factors == pytest.approx([1, 0.9, 0.5, 0.1, 0], abs=1e-12)


def test_cosine_equals_torch_s() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    sgd = torch.optim.SGD([weight], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=10, eta_min=0.1)
    run = WholeRun(tokens=1000, warmup_tokens=0)
    spec = decay(form="cosine", min_lr_ratio=0.1)
    for step in range(10):
        assert whole_run_factor(step * BATCH, BATCH, run) == pytest.approx(
            sgd.param_groups[0]["lr"]
        )
        assert decay_factor(step * BATCH, spec) == pytest.approx(sgd.param_groups[0]["lr"])
        sgd.step()
        reference.step()


def test_a_whole_run_of_warm_up_alone_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"warmup_tokens 500 must be less than the run's 500"):
        WholeRun(tokens=500, warmup_tokens=500)
