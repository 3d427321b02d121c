"""A study's surrogates: what is fitted, what is left out, and weightings against fits by hand."""

import numpy as np
import pytest

from mixtures.fitted import LineFitted, r_squared
from mixtures.observation import Observation
from mixtures.recommendation import NotEnoughTrials
from mixtures.study_fits import fit_study
from mixtures.surrogates.share_gp import fit_share_gp
from tests.mixtures.searched_study import observe_mixtures, searched_study
from tests.mixtures.share_study import SWEEP, make_study, observe


def sweep_trials() -> list[Observation]:
    study, rng = make_study(), np.random.default_rng(0)
    return [
        observe(study, share, seed, math=share + 0.1 * rng.standard_normal(), code=share**2)
        for seed in (0, 1)
        for share in SWEEP
    ]


def test_a_weighting_of_a_sweep_is_the_fit_of_the_weighted_scores() -> None:
    study, trials = make_study(), sweep_trials()
    fitted = fit_study(study, trials).of({"math": 3.0, "code": 1.0})
    assert isinstance(fitted, LineFitted)
    values = [0.75 * one.scores["math"] + 0.25 * one.scores["code"] for one in trials]
    seeds = [one.seed for one in trials]
    by_hand = fit_share_gp([one.sft_share for one in trials], seeds, values)
    shares = np.array([study_row(share) for share in (0.1, 0.5)])
    mean, covariance = fitted.joint(shares)
    expected, sd = by_hand.curve([0.1, 0.5])
    assert mean == pytest.approx(expected)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(sd)


def study_row(sft_share: float) -> list[float]:
    """Web, books, chat and proofs of `make_study` at a share."""
    shares = make_study().mixture_at(sft_share).shares
    return [shares[name] for name in ("web", "books", "chat", "proofs")]


def test_mixtures_asked_for_twice_get_the_same_draw() -> None:
    fitted = fit_study(make_study(), sweep_trials()).of({"code": 1.0})
    draws = fitted.draws(np.array([study_row(s) for s in (0.5, 0.2, 0.5)]), 10, 0)
    assert draws[:, 0].tolist() == draws[:, 2].tolist()


def test_what_is_not_used_is_said() -> None:
    study, trials = make_study(), sweep_trials()
    off = Observation(
        trial_id="off",
        shares={"web": 0.5, "chat": 0.5},
        sft_share=0.5,
        seed=0,
        scores={"math": 1.0, "code": 1.0},
    )
    half = observe(study, 0.7, 0, math=1.0)
    found = fit_study(study, [*trials, off, half])
    assert len(found.trials) == len(trials)
    assert any("off" in note and "change the shares inside" in note for note in found.notes)
    assert any("t0.7-0 is left out: it has no score on code" in note for note in found.notes)


def test_a_metric_that_no_trial_has_is_named() -> None:
    signs = {"math": 1.0, "math:acc": -1.0}
    with pytest.raises(NotEnoughTrials, match="no completed trial has a score in math:acc"):
        fit_study(make_study(), sweep_trials(), signs)


def test_a_benchmark_that_never_moves_adds_its_constant() -> None:
    study = searched_study(("math", "code"))
    trials = observe_mixtures(study, 12, lambda w: {"math": float(w[2]), "code": 7.0})
    fits = fit_study(study, trials)
    both, alone = fits.of({"math": 1.0, "code": 1.0}), fits.of({"math": 1.0})
    mean, _ = both.joint(fits.shares)
    assert mean == pytest.approx(0.5 * alone.joint(fits.shares)[0] + 3.5)
    assert fits.of({"code": 1.0}).r_squared is None
    assert fits.raw_of({"math": 1.0, "code": 3.0}) == pytest.approx(
        0.25 * fits.shares[:, 2] + 0.75 * 7.0
    )


def test_more_is_better_is_fitted_as_its_negative() -> None:
    study = searched_study(("math",))
    trials = observe_mixtures(study, 12, lambda w: {"math": float(w[2])})
    fits = fit_study(study, trials, {"math": -1.0})
    assert fits.raw["math"] == pytest.approx(-fits.shares[:, 2])


def test_r_squared_by_hand() -> None:
    # Squares to the mean 2: 1 + 0 + 1; errors: 0, .25, .25.
    measured, predicted = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 2.5])
    assert r_squared(measured, predicted) == pytest.approx(1 - 0.5 / 2)
    assert r_squared(np.ones(3), predicted) is None


def test_the_same_scores_have_the_same_name_in_any_order() -> None:
    study, trials = make_study(), sweep_trials()
    assert fit_study(study, trials).as_of == fit_study(study, trials[::-1]).as_of
