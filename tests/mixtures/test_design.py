"""The first trials: every share once a seed, the whole curve before its details."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mixtures.design import first_trials, request_of, trials_of_request
from mixtures.space_filling import regions_of, space_filling
from mixtures.trial import TrialRequest
from tests.mixtures.share_study import make_study

HASHES = {"sources.web": "0" * 64}


def shares_of(space: list[float], baselines: dict[str, float]) -> list[float]:
    study = make_study(space={"sft_share": space}, baselines=baselines, seeds=[5])
    return [trial.sft_share for trial in first_trials(study, "s", HASHES)]


def test_a_study_that_is_stopped_early_has_seen_the_whole_curve() -> None:
    tenths = [round(0.1 * i, 1) for i in range(11)]
    # Ends, middle, middles of the halves, and so on.
    assert shares_of(tenths, {}) == [0.0, 1.0, 0.5, 0.2, 0.7, 0.1, 0.3, 0.6, 0.8, 0.4, 0.9]


def test_one_share_and_two_shares_are_enough() -> None:
    assert shares_of([0.3], {}) == [0.3]
    assert shares_of([0.9, 0.3], {}) == [0.3, 0.9]


def test_baselines_are_tried_too_and_none_twice() -> None:
    tried = shares_of([0.0, 0.5, 1.0], {"pretrain_only": 0.0, "paper": 0.64})
    assert sorted(tried) == [0.0, 0.5, 0.64, 1.0]


def test_the_seeds_come_one_after_the_other() -> None:
    study = make_study(space={"sft_share": [0.0, 1.0]}, baselines={}, seeds=[7, 3])
    trials = first_trials(study, "s", HASHES)
    assert [(t.seed, t.sft_share) for t in trials] == [(7, 0.0), (7, 1.0), (3, 0.0), (3, 1.0)]
    assert {trial.study_id for trial in trials} == {"s"}
    assert all(trial.data_hashes == HASHES for trial in trials)


@given(st.sets(st.integers(0, 100), min_size=1, max_size=40))
def test_every_share_is_tried_exactly_once(hundredths: set[int]) -> None:
    space = [hundredth / 100 for hundredth in hundredths]
    tried = shares_of(space, {})
    assert sorted(tried) == sorted(space)
    assert tried[0] == min(space)


def test_a_request_without_a_seed_runs_with_each_of_the_studys() -> None:
    study = make_study(seeds=[4, 9], resources={"cpus_per_trial": 2}, decay={"tokens": 4096})
    trials = trials_of_request(TrialRequest(sft_share=0.3), study, "s", HASHES)
    assert [trial.seed for trial in trials] == [4, 9]
    assert {trial.resources.cpus_per_trial for trial in trials} == {2.0}
    assert {trial.decay.tokens for trial in trials} == {4096}
    alone = trials_of_request(TrialRequest(sft_share=0.3, seed=1), study, "s", HASHES)
    assert [trial.seed for trial in alone] == [1]


OPEN = {"sft_share_range": [0.2, 0.9], "free_groups": ["sft", "pretrain"]}
TOKENS = {"web": 8_000_000, "books": 1_000_000, "chat": 600_000, "proofs": 400_000}


def test_a_space_that_is_searched_begins_with_the_baselines() -> None:
    study = make_study(
        space=OPEN,
        full_run={"decay_tokens": 1_000_000, "unique_tokens": TOKENS},
        current_mixture={"web": 0.5, "chat": 0.5},
    )
    trials = first_trials(study, "s", HASHES)
    assert [trial.mixture.shares for trial in trials[:5]] == [
        {"web": 0.75, "books": 0.25, "chat": 0.0, "proofs": 0.0},
        {"web": 0.27, "books": 0.09, "chat": 0.32, "proofs": 0.32},
        {"web": 0.25, "books": 0.25, "chat": 0.25, "proofs": 0.25},
        {"web": 0.8, "books": 0.1, "chat": 0.06, "proofs": 0.04},
        {"web": 0.5, "books": 0.0, "chat": 0.5, "proofs": 0.0},
    ]
    assert list(study.baseline_mixtures) == [
        "pretrain_only",
        "paper",
        "uniform",
        "proportional",
        "current",
    ]


def test_mixtures_fill_the_space_once_and_some_are_repeated_for_the_noise() -> None:
    study = make_study(
        space=OPEN, design={"num_mixtures": 10, "num_repeated": 4, "seed": 5}, seeds=[7, 3]
    )
    trials = first_trials(study, "s", HASHES)
    # Noise is known before most of the scores: three baselines, two mixtures, repeats of four.
    assert [trial.seed for trial in trials] == [7] * 5 + [3] * 4 + [7] * 8
    repeated = [trial.mixture for trial in trials[5:9]]
    # Baselines and mixtures of the space in turn.
    assert repeated == [trials[i].mixture for i in (0, 3, 1, 4)]
    assert len({trial.trial_id for trial in trials}) == 17 == study.num_first_trials
    region = regions_of(study)[0]
    for trial in [*trials[3:5], *trials[9:]]:
        assert region.contains(np.array(list(trial.mixture.shares.values())), 2e-6)


def test_the_seed_of_the_design_gives_other_mixtures_and_the_same_twice() -> None:
    def mixtures(seed: int) -> list[str]:
        study = make_study(space=OPEN, design={"num_mixtures": 6, "seed": seed}, seeds=[0])
        return [trial.mixture.canonical() for trial in first_trials(study, "s", HASHES)]

    assert mixtures(1) == mixtures(1)
    assert set(mixtures(1)[3:]).isdisjoint(mixtures(2)[3:])


def test_a_range_is_tried_evenly_from_end_to_end() -> None:
    study = make_study(
        space={"sft_share_range": [0.2, 0.9]}, design={"num_mixtures": 8}, seeds=[0], baselines={}
    )
    shares = sorted(trial.sft_share for trial in first_trials(study, "s", HASHES))
    # Uniform over four sources of two kinds is 0.5 on the line but not of it (web and books).
    assert shares == [0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_listed_shares_get_the_same_number_of_mixtures() -> None:
    study = make_study(
        space={"sft_share": [0.2, 0.6], "free_groups": ["sft"]},
        design={"num_mixtures": 6},
        seeds=[0],
        baselines={},
    )
    shares = [trial.sft_share for trial in first_trials(study, "s", HASHES)][1:]
    assert sorted(shares) == [0.2] * 3 + [0.6] * 3


def test_a_filling_design_covers_better_than_a_uniform_draw() -> None:
    study = make_study(space={"sft_share_range": [0, 1], "free_groups": ["sft", "pretrain"]})
    rng = np.random.default_rng(0)
    anywhere = rng.dirichlet(np.ones(4), 2000)

    def mean_gap(points: np.ndarray) -> float:
        roots = np.sqrt(anywhere)[:, None] - np.sqrt(np.maximum(points, 0))
        return float(np.sqrt(np.sum(roots**2, axis=2)).min(axis=1).mean())

    filled = mean_gap(space_filling(regions_of(study), 16, 0))
    drawn = np.mean([mean_gap(rng.dirichlet(np.ones(4), 16)) for _ in range(20)])
    assert filled < 0.9 * drawn


def test_further_mixtures_keep_away_from_those_tried() -> None:
    study = make_study(space={"sft_share_range": [0, 1], "free_groups": ["sft", "pretrain"]})
    regions = regions_of(study)
    first = space_filling(regions, 8, 0)
    more = space_filling(regions, 4, 0, tried=first)
    distance = np.linalg.norm(np.sqrt(more)[:, None] - np.sqrt(first), axis=2).min(axis=1)
    assert distance.min() > 0.3


def test_a_point_is_written_in_six_digits_that_keep_its_sft_share() -> None:
    study = make_study(space={"sft_share": [0.6], "free_groups": ["sft"]})
    point = np.array([0.3, 0.1, 0.6 / 7, 0.6 * 6 / 7])
    shares = request_of(study, point).shares
    assert shares == {"web": 0.3, "books": 0.1, "chat": 0.085714, "proofs": 0.514286}


def test_a_budget_of_tokens_refuses_a_design_that_reads_more() -> None:
    with pytest.raises(ValidationError, match="the first 8 trials of 1,000 tokens each read 8,000"):
        make_study(
            space={"sft_share": [0.0, 0.25, 0.5, 1.0]},
            baselines={},
            decay={"tokens": 1000},
            budget={"max_tokens": 7_999},
        )


def test_a_design_for_a_sweep_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"space\.sft_share lists all mixtures"):
        make_study(design={"num_mixtures": 5})


def test_the_mixture_of_today_joins_a_sweep() -> None:
    study = make_study(
        space={"sft_share": [0.0, 1.0]}, baselines={}, current_mixture={"web": 0.9, "chat": 0.1}
    )
    trials = first_trials(study, "s", HASHES)
    assert [trial.sft_share for trial in trials] == [0.0, 1.0, 0.1] * 2
    assert list(study.baseline_mixtures) == ["current"]
