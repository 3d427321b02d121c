"""Profiles through the tried mixtures, and where a known curve is lowest along them."""

from dataclasses import replace

import numpy as np
import pytest

from mixtures.best_share_moves import probability_above
from mixtures.recommendation import NotEnoughTrials
from mixtures.share_profiles import Profile, in_common, profile_of, reference_profile, with_share
from mixtures.study_fits import fit_study
from tests.mixtures.searched_study import observe_mixtures, searched_study


def test_the_share_of_one_source_inside_its_group_leaves_the_others_ratios() -> None:
    group = {"a": 0.5, "b": 0.3, "c": 0.2}
    found = with_share({"sft": group, "pretrain": {"web": 1.0}}, "sft", "a", 0.75)
    assert found["sft"] == pytest.approx({"a": 0.75, "b": 0.15, "c": 0.10})
    assert found["pretrain"] == {"web": 1.0}


def test_a_profile_keeps_to_what_was_tried() -> None:
    study = searched_study(("math",))
    fits = fit_study(study, observe_mixtures(study, 30, lambda w: {"math": float(w[2])}))
    notes: list[str] = []
    profile = reference_profile(fits, notes)
    assert notes == []
    assert profile.inside["sft"] == {"chat": 0.5, "proofs": 0.5}
    assert profile.mixtures.sum(axis=1) == pytest.approx(1.0)
    low, high = fits.sft_shares.min(), fits.sft_shares.max()
    assert low <= profile.sft_shares.min() < 0.2
    assert 0.8 < profile.sft_shares.max() <= high
    assert profile.mixtures[:, 2] == pytest.approx(profile.sft_shares / 2)
    # Nobody tried a group of web alone.
    web_alone = {**profile.inside, "pretrain": {"web": 1.0, "books": 0.0}}
    assert profile_of(fits, web_alone) is None


def test_a_share_that_rounds_beyond_one_is_one() -> None:
    study = searched_study(("math",))
    fits = fit_study(study, observe_mixtures(study, 30, lambda w: {"math": float(w[2])}))
    beyond = replace(fits, shares=np.vstack([fits.shares[:-1], [0.0, 0.0, 0.5, 0.5 + 1e-12]]))
    assert beyond.sft_shares.max() > 1.0
    profile = reference_profile(beyond, [])
    assert profile.sft_shares.max() <= 1.0
    assert profile.mixtures.min() >= 0.0


def test_profiles_are_compared_over_the_shares_that_all_have() -> None:
    def one(low: float, high: float) -> Profile:
        shares = np.arange(round(low * 100), round(high * 100) + 1) / 100
        return Profile(inside={}, sft_shares=shares, mixtures=shares[:, None])

    first, second = in_common([one(0.1, 0.5), one(0.3, 0.9)])
    assert first.sft_shares.tolist() == second.sft_shares.tolist()
    assert (first.sft_shares[0], first.sft_shares[-1]) == (0.3, 0.5)
    assert second.mixtures[:, 0].tolist() == second.sft_shares.tolist()
    assert in_common([one(0.1, 0.5), one(0.48, 0.9)]) == []
    assert in_common([]) == []


def test_trials_of_one_sft_share_have_no_best_share() -> None:
    study = searched_study(("math",), space={"sft_share": [0.5], "free_groups": ["sft"]})
    trials = [
        one.model_copy(
            update={
                "shares": {"web": 0.375, "books": 0.125, "chat": c, "proofs": 0.5 - c},
                "sft_share": 0.5,
            }
        )
        for one, c in zip(
            observe_mixtures(study, 10, lambda w: {"math": float(w[2])}),
            np.linspace(0.0, 0.5, 10).round(3).tolist(),
            strict=True,
        )
    ]
    with pytest.raises(NotEnoughTrials, match=r"all trials have 0.5 of SFT"):
        reference_profile(fit_study(study, trials), [])


def test_the_probability_that_one_lies_above_another_counts_ties_by_half() -> None:
    # Pairs: 1>0, 1=1, 2>0, 2>1: three wins and a tie of four.
    assert probability_above(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == 3.5 / 4
