"""The first trials: every share once a seed, the whole curve before its details."""

from hypothesis import given
from hypothesis import strategies as st

from mixtures.design import first_trials, trials_of_request
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
