"""Factors: levels as numbers and back, what a study becomes at them, and what is refused."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.design import first_trials, trials_of_request
from mixtures.factor_levels import at_levels, levels_for_baselines, own_levels
from mixtures.factors import Axis, Range, axes_of, combinations, words_of
from mixtures.trial import TrialRequest, TrialSpec
from mixtures.value import InvalidField
from tests.mixtures.outside_study import make_outside_study
from tests.mixtures.share_study import HASHES, make_study

LINE = {"sft_share_range": [0.2, 0.9]}


def with_factors(factors: dict[str, Any], **changes: Any) -> Any:
    return make_study(space={**LINE, "factors": factors}, **changes)


def test_numbers_lie_between_0_and_1_on_their_scale() -> None:
    rate = Axis("decay.lr_ratio", Range(low=0.1, high=10.0))
    # On a log scale 1 is half-way from .1 to 10; 3.16 is three quarters.
    assert [rate.encode(level) for level in (0.1, 1.0, 10.0)] == pytest.approx([0, 0.5, 1])
    assert rate.decode(0.75) == 3.16
    assert rate.decode(2.0) == 10.0
    floor = Axis("decay.min_lr_ratio", Range(low=0.0, high=0.5))
    assert floor.encode(0.1) == pytest.approx(0.2)
    listed = Axis("optimiser.peak_lr", (0.001, 0.01, 0.1))
    assert listed.codes == pytest.approx((0, 0.5, 1))
    assert listed.decode(0.6) == 0.01


def test_categories_are_places_in_their_list() -> None:
    (axis,) = axes_of({"decay.form": ("linear", "cosine", "1-sqrt")})
    assert (axis.is_category, axis.codes, axis.decode(1.0)) == (True, (0, 1, 2), "cosine")


def test_every_combination_of_listed_levels_is_there_once() -> None:
    study = with_factors(
        {
            "proxy.tied_embedding": [True, False],
            "decay.form": ["exponential", "linear", "cosine"],
            "decay.lr_ratio": {"low": 0.5, "high": 2},
        }
    )
    found = combinations(study.axes)
    assert len(found) == 6
    assert all("decay.lr_ratio" not in levels for levels in found)


def test_a_trial_has_its_levels_in_recipe_and_decay() -> None:
    factors = {
        "decay.form": ["exponential", "linear"],
        "decay.tokens": [50_000, 150_000],
        "decay.lr_ratio": {"low": 0.3, "high": 3},
        "optimiser.peak_lr": [0.003, 0.01],
        "proxy": ["pico", "nano"],
        "proxy.tied_embedding": [True, False],
    }
    study = with_factors(factors)
    asked = {
        "decay.form": "linear",
        "decay.tokens": 50_000,
        "decay.lr_ratio": 2,
        "optimiser.peak_lr": 0.003,
        "proxy": "nano",
        "proxy.tied_embedding": False,
    }
    request = TrialRequest(sft_share=0.5, seed=0, factors=asked)  # type: ignore[arg-type]
    (trial,) = trials_of_request(request, study, "s", HASHES)
    assert (trial.decay.form, trial.decay.tokens, trial.decay.lr_ratio) == ("linear", 50_000, 2.0)
    assert trial.recipe.optimiser.peak_lr == 0.003
    proxy = trial.recipe.proxy
    # The shape of nano (8 layers, 256 wide) with the study's vocabulary and context.
    assert (proxy.num_layers, proxy.width, proxy.vocab_size, proxy.context_tokens) == (
        8,
        256,
        2048,
        256,
    )
    assert proxy.tied_embedding is False
    assert trial.factors["decay.lr_ratio"] == 2.0
    # Above 8 MB of weights: kept for pico alone.
    assert trial.keep_weights is False
    assert TrialSpec.model_validate_json(trial.canonical()).trial_id == trial.trial_id


def test_what_is_not_asked_for_is_at_the_studys_own_level() -> None:
    study = with_factors({"decay.form": ["linear", "cosine"]}, decay={"form": "cosine"})
    (trial,) = trials_of_request(TrialRequest(sft_share=0.5, seed=0), study, "s", HASHES)
    assert (trial.factors, trial.decay.form) == ({"decay.form": "cosine"}, "cosine")
    assert own_levels(study) == {"decay.form": "cosine"}


def test_a_half_life_keeps_its_part_of_the_decay_and_goes_with_its_form() -> None:
    study = make_study(decay={"tokens": 100_000, "half_life_tokens": 10_000})
    assert at_levels(study.recipe, study.decay, {"decay.tokens": 25_000})[1].half_life == 2_500
    assert at_levels(study.recipe, study.decay, {"decay.form": "linear"})[1].form == "linear"


def test_without_factors_nothing_changes() -> None:
    study = make_study()
    (trial,) = trials_of_request(TrialRequest(sft_share=0.5, seed=0), study, "s", HASHES)
    assert "factors" not in trial.canonical()
    assert (trial.recipe, trial.decay) == (study.recipe, study.decay)


def test_baselines_are_tried_at_every_level_of_what_only_gets_better() -> None:
    study = with_factors(
        {"proxy": ["pico", "nano"], "decay.form": ["exponential", "linear"]},
    )
    assert levels_for_baselines(study) == [
        {"decay.form": "exponential", "proxy": "pico"},
        {"decay.form": "exponential", "proxy": "nano"},
    ]


@pytest.mark.parametrize(
    ("factors", "changes", "message"),
    [
        ({"decay.shape": ["linear", "cosine"]}, {}, "decay.form"),
        ({"decay.form": ["linear"]}, {}, "at least 2"),
        ({"decay.form": ["linear", "linear"]}, {}, "each level once"),
        ({"decay.form": ["exponential", "sideways"]}, {}, "sideways"),
        ({"decay.form": ["linear", "cosine"]}, {}, "baselines are tried with it"),
        ({"decay.tokens": {"low": 1000, "high": 2000}}, {}, "expected a list"),
        ({"decay.lr_ratio": {"low": 2, "high": 1}}, {}, "lower one goes first"),
        ({"decay.lr_ratio": {"low": 0, "high": 1}}, {}, "starts above 0"),
        ({"decay.lr_ratio": [True, 0.5]}, {}, "no number"),
        ({"optimiser.peak_lr": {"low": 0.001, "high": 0.1}}, {}, "800,000 tokens"),
        ({"proxy": ["pico", "nono"]}, {}, "num_layers|nono|valid"),
        ({"proxy": ["pico", "nano"]}, {"proxy": {"num_layers": 2}}, "changes the shape"),
        (
            {"decay.tokens": [150_000, 900_000]},
            {"full_run": {"decay_tokens": 200_000}},
            "full_run.decay_tokens",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    factors: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        with_factors(factors, **changes)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"decay.tokens": 10_000}, "no factor of the study"),
        ({"decay.form": "cosine"}, "expected one of"),
        ({"decay.lr_ratio": 5.0}, "from 0.3 to 3"),
    ],
)
def test_a_level_that_the_study_has_not_is_refused(asked: dict[str, Any], message: str) -> None:
    study = with_factors(
        {"decay.form": ["exponential", "linear"], "decay.lr_ratio": {"low": 0.3, "high": 3}}
    )
    request = TrialRequest(sft_share=0.5, seed=0, factors=asked)
    with pytest.raises(InvalidField, match=message):
        trials_of_request(request, study, "s", HASHES)


def test_outside_any_rate_may_have_a_range_and_the_recipe_stays_as_it_is() -> None:
    study = make_outside_study(
        space={**LINE, "factors": {"optimiser.peak_lr": {"low": 0.001, "high": 0.1}}}
    )
    request = TrialRequest(sft_share=0.5, seed=0, factors={"optimiser.peak_lr": 0.05})
    (trial,) = trials_of_request(request, study, "s", {})
    assert trial.factors == {"optimiser.peak_lr": 0.05}
    assert trial.recipe == study.recipe


def test_levels_read_as_words() -> None:
    words = words_of({"proxy.tied_embedding": True, "decay.lr_ratio": 0.5, "decay.form": "linear"})
    assert words == "decay.form linear, decay.lr_ratio 0.5, proxy.tied_embedding true"
    assert math.isclose(float(words.split()[3].rstrip(",")), 0.5)


def test_a_proxy_of_the_studys_own_is_a_level() -> None:
    study = with_factors(
        {"proxy": ["pico", "untied"]}, proxies={"untied": {"tied_embedding": False}}
    )
    trials = first_trials(study, "", {})
    assert {t.recipe.proxy.tied_embedding for t in trials if t.factors["proxy"] == "untied"} == {
        False
    }
    assert {t.recipe.proxy.tied_embedding for t in trials if t.factors["proxy"] == "pico"} == {True}


def test_mup_multipliers_are_ranges_where_the_stable_phase_is_short() -> None:
    factors = {
        "proxy.scale_emb": {"low": 2, "high": 40},
        "proxy.scale_depth": [0.7, 1.4],
        "proxy.dim_model_base": [64, 256],
    }
    study = with_factors(factors, stable={"tokens": 100_000, "warmup_tokens": 10_000})
    found = [trial.recipe.proxy for trial in first_trials(study, "", {})]
    assert {proxy.dim_model_base for proxy in found} == {64, 256}
    assert {proxy.scale_depth for proxy in found} == {0.7, 1.4}
    assert all(2 <= proxy.scale_emb <= 40 for proxy in found)
    assert len({proxy.scale_emb for proxy in found}) > 4
    with pytest.raises(ValidationError, match=r"a stable phase of 200,000 tokens: give a list"):
        with_factors(factors, stable={"tokens": 200_000})


def test_repetition_is_matched_or_not_at_a_level() -> None:
    levels = {"full_run.matched": [True, False]}
    study = with_factors(levels, full_run={"decay_tokens": 1_500_000})
    for trial in first_trials(study, "", {}):
        assert (trial.full_run is not None) == trial.factors["full_run.matched"]
    with pytest.raises(ValidationError, match="matched to what"):
        with_factors(levels)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"proxies": {"pico": {}}}, "a preset has this name"),
        ({"proxies": {"other": {}}}, "no level of space.factors.proxy"),
        ({"proxies": {"wide": {"vocab_size": 4096}}}, "scores could not be compared"),
    ],
)
def test_a_proxy_that_is_no_level_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        with_factors({"proxy": ["pico", "wide"]}, **{"proxies": {"wide": {}}, **changes})


def test_a_whole_run_has_its_own_start_and_one_peak() -> None:
    with pytest.raises(ValidationError, match="one curve from the warm-up on"):
        with_factors(
            {"decay.form": ["exponential", "whole-cosine"]},
            decay={"lr_ratio": 0.5, "form": "whole-cosine"},
        )
    with pytest.raises(ValidationError, match="trains from the first token"):
        with_factors(
            {"decay.form": ["exponential", "whole-cosine"]}, stable={"checkpoint": "a-model"}
        )
