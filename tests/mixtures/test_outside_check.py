"""A study that is trained outside, run dry."""

from pathlib import Path

import pytest
import yaml

from mixtures.outside_check import check_outside
from mixtures.proxy import Proxy
from mixtures.study import StudySpec

ROOT = Path(__file__).resolve().parents[2]


def test_the_reports_decay_costs_what_six_flop_a_parameter_and_token_do() -> None:
    text = (ROOT / "studies" / "xmodel2-decay.yaml").read_text(encoding="utf-8")
    study = StudySpec.model_validate(yaml.safe_load(text))
    found = check_outside(study, Proxy.model_validate("1.2b"))
    assert (found.tokens_per_trial, found.num_trials) == (20_000_000_000, 20)
    assert found.tokens == 400_000_000_000
    # 6 x 1,251,755,520 x 4e11 / (989e12 x 0.4) / 3600
    assert found.gpu_hours == pytest.approx(2109.4, abs=0.1)
    assert found.weights_bytes == 20 * 2 * 1_251_755_520
    # 0.22358 of 20B tokens are read of a set of 1B.
    assert found.epochs["current"]["sft_commonsense"].proxy == pytest.approx(4.4716)
    assert any("sft_commonsense" in note for note in found.notes)


def test_without_a_size_there_are_no_hours() -> None:
    text = (ROOT / "studies" / "xmodel2-decay.yaml").read_text(encoding="utf-8")
    found = check_outside(StudySpec.model_validate(yaml.safe_load(text)), None)
    assert (found.gpu_hours, found.num_parameters) == (None, None)
