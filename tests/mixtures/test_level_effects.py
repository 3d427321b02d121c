"""What a level does, on tables whose effects are known."""

import numpy as np
import pytest

from mixtures.factor_effects import factor_effects
from mixtures.level_effects import level_effects
from mixtures.named_objectives import asked_objective, own_objective
from mixtures.observation import Observation
from mixtures.study import StudySpec
from tests.mixtures.outside_study import make_outside_study

FORMS = {"decay.form": ["exponential", "linear", "1-sqrt"]}
SIGNS = {"math": 1.0, "code": 1.0}
SHARES = (0.0, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 1.0)


def study_of(factors: object, **changes: object) -> StudySpec:
    space = {"sft_share": SHARES, "factors": factors}
    return make_outside_study(space=space, baselines={"paper": 0.6}, **changes)


def trial(
    study: StudySpec, share: float, math: float, code: float, **levels: object
) -> Observation:
    named = {name.replace("__", "."): level for name, level in levels.items()}
    return Observation.model_validate(
        {
            "trial_id": f"{share} {sorted(named.items())}",
            "shares": study.mixture_at(share).shares,
            "sft_share": share,
            "seed": 0,
            "scores": {"math": math, "code": code},
            "factors": named,
        }
    )


def test_a_level_moves_every_mixture_by_as_much_as_it_was_made_to() -> None:
    study = study_of(FORMS)
    rng = np.random.default_rng(0)
    offsets = {"exponential": 0.3, "linear": 0.0, "1-sqrt": -0.3}
    trials = [
        trial(
            study,
            share,
            (share - 0.5) ** 2 + offset + 0.01 * rng.standard_normal(),
            1.0 + 0.01 * rng.standard_normal(),
            decay__form=form,
        )
        for form, offset in offsets.items()
        for share in SHARES
    ]
    (found,) = level_effects(study, asked_objective(study, "math"), trials, SIGNS)
    assert found.levels == ("exponential", "linear", "1-sqrt")
    assert found.effect == pytest.approx((0.3, 0.0, -0.3), abs=0.02)
    for low, effect, high in zip(found.low, offsets.values(), found.high, strict=True):
        assert low < effect < high
    assert found.probability_best[2] > 0.99
    # The objective is the mean of both benchmarks, and code does not move.
    own = factor_effects(study, own_objective(study), trials, SIGNS)
    assert own.levels[0].effect == pytest.approx((0.15, 0.0, -0.15), abs=0.02)
    assert own.factors[0].factor == "sft_share"


def test_where_more_is_better_the_effect_is_in_the_metrics_own_direction() -> None:
    study = study_of(FORMS, objective={"metric": "score", "better": "higher"})
    trials = [
        trial(study, share, 1.0 + 0.2 * (form == "linear") + 0.1 * share, 1.0, decay__form=form)
        for form in FORMS["decay.form"]
        for share in SHARES
    ]
    asked = asked_objective(study, "math")
    (found,) = level_effects(study, asked, trials, dict.fromkeys(SIGNS, -1.0))
    assert found.effect == pytest.approx((-0.2 / 3, 0.4 / 3, -0.2 / 3), abs=0.01)
    assert found.probability_best[1] > 0.95


def test_a_range_has_effects_where_no_two_trials_have_one_level() -> None:
    study = study_of({"decay.lr_ratio": {"low": 0.1, "high": 1.0, "scale": "linear"}})
    rng = np.random.default_rng(1)
    trials = []
    for share in SHARES * 3:
        ratio = round(float(rng.uniform(0.1, 1.0)), 3)
        loss = 2.0 * (ratio - 0.1) + 0.1 * share + 0.005 * rng.standard_normal()
        trials.append(trial(study, share, loss, 1.0, decay__lr_ratio=ratio))
    found = factor_effects(study, asked_objective(study, "math"), trials, SIGNS)
    assert found.factors == ()
    assert found.notes[0].startswith("No effects of shares at the study's own levels")
    (one,) = found.levels
    assert one.levels == pytest.approx((0.1, 0.325, 0.55, 0.775, 1.0))
    assert one.effect == pytest.approx((-0.9, -0.45, 0.0, 0.45, 0.9), abs=0.1)


def test_a_study_without_factors_has_none() -> None:
    study = make_outside_study()
    assert level_effects(study, own_objective(study), [], SIGNS) == ()
