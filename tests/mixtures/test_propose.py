"""Proposals: inside the space, better than chance, honest on what they knew and when they end."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mixtures.design import first_trials, request_of, trials_of_request
from mixtures.propose import Memory, Proposal, propose
from mixtures.rank import Observation
from mixtures.space_filling import draw, regions_of
from mixtures.study import StudySpec
from mixtures.trial import TrialRequest, TrialSpec
from tests.mixtures.outside_study import make_outside_study

BEST = np.array([0.3, 0.1, 0.4, 0.2])


def searching(**changes: Any) -> StudySpec:
    search = {"stops_early": False, **changes.pop("search", {})}
    return make_outside_study(search=search, **changes)


def loss(shares: dict[str, float]) -> float:
    """A bowl round BEST: 0 there, 1 at a distance of half."""
    away = np.array(list(shares.values())) - BEST
    return float(4 * away @ away)


def observe(
    study: StudySpec, requests: list[TrialRequest], noise: float, rng: np.random.Generator
) -> list[Observation]:
    return [
        Observation(
            trial_id=spec.trial_id,
            shares=spec.mixture.shares,
            sft_share=spec.sft_share,
            seed=spec.seed,
            scores={
                "math": loss(spec.mixture.shares) + noise * float(rng.standard_normal()),
                "code": loss(spec.mixture.shares) + noise * float(rng.standard_normal()),
            },
        )
        for request in requests
        for spec in trials_of_request(request, study, "s", {})
    ]


def first(study: StudySpec, noise: float, rng: np.random.Generator) -> list[Observation]:
    requests = [
        TrialRequest(shares=one.mixture.shares, seed=one.seed)
        for one in first_trials(study, "s", {})
    ]
    return observe(study, requests, noise, rng)


def test_a_search_comes_close_to_the_best_mixture_in_few_trials() -> None:
    study, rng, memory = searching(), np.random.default_rng(0), Memory()
    trials = first(study, 0.01, rng)
    before = min(loss(one.shares) for one in trials)
    for _ in range(3):
        proposal = propose(study, trials, [], 5, memory=memory)
        assert (proposal.chosen_by, proposal.stop, len(proposal.requests)) == ("search", None, 5)
        trials += observe(study, list(proposal.requests), 0.01, rng)
    after = min(loss(one.shares) for one in trials)
    assert after < 0.3 * before


def test_every_mixture_that_is_proposed_keeps_the_rules() -> None:
    study = searching(
        space={
            "sft_share_range": [0.2, 0.5],
            "free_groups": ["sft", "pretrain"],
            "bounds": {"proofs": [0.05, 0.15]},
            "constraints": [{"coefficients": {"web": 1, "chat": -1}, "at_least": 0.2}],
        }
    )
    rng = np.random.default_rng(1)
    (region,) = regions_of(study)
    trials, new = first(study, 0.05, rng), set()
    tried = {str(one.shares) for one in trials}
    for _ in range(2):
        proposal = propose(study, trials, [], 6)
        for request in proposal.requests:
            assert request.shares is not None
            if str(request.shares) not in tried:
                new.add(str(request.shares))
                assert region.contains(np.array(list(request.shares.values())), 3e-6)
        trials += observe(study, list(proposal.requests), 0.05, rng)
    assert len(new) >= 3


def test_listed_sft_shares_are_proposed_exactly() -> None:
    study = searching(space={"sft_share": [0.25, 0.6], "free_groups": ["sft"]})
    proposal = propose(study, first(study, 0.02, np.random.default_rng(0)), [], 4)
    for request in proposal.requests:
        sft = request.shares["chat"] + request.shares["proofs"]  # type: ignore[index]
        assert min(abs(sft - share) for share in (0.25, 0.6, 0.5, 0.64, 0.0, 1 / 11)) < 1e-6


def test_the_same_scores_give_the_same_proposal() -> None:
    study = searching()
    trials = first(study, 0.02, np.random.default_rng(0))
    assert propose(study, trials, [], 3) == propose(study, trials, [], 3)
    other = searching(search={"seed": 1})
    assert propose(other, trials, [], 3).requests != propose(study, trials, [], 3).requests


FACTORS = {
    "decay.form": ["exponential", "linear", "cosine"],
    "decay.lr_ratio": {"low": 0.1, "high": 10},
}


def loss_at(trial: TrialSpec) -> float:
    """The bowl; linear is .2 better, another rate costs a bowl of its own round 2."""
    off = {"exponential": 0.2, "linear": 0.0, "cosine": 0.3}[trial.decay.form]
    return loss(trial.mixture.shares) + off + 0.3 * float(np.log10(trial.decay.lr_ratio / 2)) ** 2


def observe_at(study: StudySpec, specs: list[TrialSpec], seed: int) -> list[Observation]:
    rng = np.random.default_rng(seed)
    return [
        Observation(
            trial_id=spec.trial_id,
            shares=spec.mixture.shares,
            sft_share=spec.sft_share,
            seed=spec.seed,
            scores={
                name: loss_at(spec) + 0.01 * float(rng.standard_normal())
                for name in ("math", "code")
            },
            factors=spec.factors,
        )
        for spec in specs
    ]


def test_a_search_finds_the_best_levels_with_the_best_mixture() -> None:
    space = {"sft_share_range": [0, 1], "free_groups": ["sft", "pretrain"], "factors": FACTORS}
    study, memory = searching(space=space), Memory()
    specs = first_trials(study, "s", {})
    trials = observe_at(study, specs, 0)
    num_first = len(specs)
    for turn in range(4):
        proposal = propose(study, trials, [], 4, memory=memory)
        assert proposal.stop is None
        new = [
            spec
            for request in proposal.requests
            for spec in trials_of_request(request, study, "s", {})
        ]
        trials += observe_at(study, new, turn + 1)
        specs += new
    best = min(specs[num_first:], key=loss_at)
    assert loss_at(best) < 0.25 * min(loss_at(one) for one in specs[:num_first])
    assert best.decay.form == "linear" and 1 < best.decay.lr_ratio < 4
    forms = [spec.decay.form for spec in specs[num_first:]]
    assert forms.count("linear") > len(forms) / 2


def test_no_level_of_what_only_gets_better_is_preferred() -> None:
    space = {
        "sft_share_range": [0, 1],
        "free_groups": ["sft", "pretrain"],
        "factors": {"decay.tokens": [50_000, 100_000]},
    }
    study, memory = searching(space=space), Memory()
    specs = first_trials(study, "s", {})

    def observed(specs: list[TrialSpec]) -> list[Observation]:
        found = observe_at(study, specs, 0)
        gain = {50_000: 0.0, 100_000: -3.0}
        return [
            one.model_copy(
                update={"scores": {k: v + gain[spec.decay.tokens] for k, v in one.scores.items()}}
            )
            for one, spec in zip(found, specs, strict=True)
        ]

    trials = observed(specs)
    for _ in range(4):
        for request in propose(study, trials, [], 2, memory=memory).requests:
            new = trials_of_request(request, study, "s", {})
            specs += new
            trials += observed(new)
    tokens = [spec.decay.tokens for spec in specs]
    assert abs(tokens.count(50_000) - tokens.count(100_000)) <= 2


def observe_lengths(
    study: StudySpec, specs: list[TrialSpec], correlation: float, seed: int
) -> list[Observation]:
    """Full decays score `loss`; short ones half of it and .7 more, and so far as they do not go
    together with full ones, a bowl round another mixture.
    """
    rng = np.random.default_rng(seed)
    found = []
    for spec in specs:
        shares = np.array(list(spec.mixture.shares.values()))
        value = loss(spec.mixture.shares)
        if spec.decay.tokens < study.decay.tokens:
            other = float(4 * np.sum((shares - BEST[::-1]) ** 2))
            value = 0.7 + 0.5 * (correlation * value + (1 - correlation) * other)
        scores = {n: value + 0.01 * float(rng.standard_normal()) for n in ("math", "code")}
        found.append(
            Observation(
                trial_id=spec.trial_id,
                shares=spec.mixture.shares,
                sft_share=spec.sft_share,
                seed=spec.seed,
                scores=scores,
                factors=spec.factors,
            )
        )
    return found


def searched_with_short(correlation: float) -> tuple[StudySpec, list[TrialSpec], int]:
    study, memory = searching(search={"short_decay": 0.25}), Memory()
    specs = first_trials(study, "s", {})
    num_first = len(specs)
    trials = observe_lengths(study, specs, correlation, 0)
    for turn in range(12):
        proposal = propose(study, trials, [], 2, memory=memory)
        new = [
            spec
            for request in proposal.requests
            for spec in trials_of_request(request, study, "s", {})
        ]
        trials += observe_lengths(study, new, correlation, turn + 1)
        specs += new
    return study, specs, num_first


def test_short_decays_are_tried_where_they_tell_of_full_ones() -> None:
    _, specs, num_first = searched_with_short(correlation=1.0)
    searched = specs[num_first:]
    assert {spec.decay.tokens for spec in searched} == {25_000, 100_000}
    short = [spec for spec in searched if spec.decay.tokens == 25_000]
    assert all(spec.factors == {"decay.tokens": 25_000} for spec in short)
    assert len(short) >= 8
    full = [spec for spec in searched if spec.decay.tokens == 100_000]
    before = min(loss(spec.mixture.shares) for spec in specs[:num_first])
    assert min(loss(spec.mixture.shares) for spec in full) < 0.3 * before


def test_it_is_learned_that_short_decays_tell_nothing() -> None:
    study, specs, num_first = searched_with_short(correlation=0.0)
    searched = specs[num_first:]
    assert sum(spec.decay.tokens < study.decay.tokens for spec in searched) <= 3


def test_filling_gives_levels_too() -> None:
    space = {"sft_share_range": [0, 1], "free_groups": ["sft"], "factors": FACTORS}
    found = propose(searching(space=space), [], [], 3)
    assert {request.factors["decay.form"] for request in found.requests} == set(
        FACTORS["decay.form"]
    )


def test_what_runs_already_is_not_proposed_again() -> None:
    study = searching()
    trials = first(study, 0.001, np.random.default_rng(0))
    alone = propose(study, trials, [], 1).requests[0]
    pending = [(alone.shares or {}, 0, {})]
    beside = propose(study, trials, pending, 1).requests[0]
    away = np.array(list((beside.shares or {}).values())) - np.array(list(pending[0][0].values()))
    assert np.abs(away).max() > 0.01


def test_seeds_of_a_sweep_go_to_the_leaders() -> None:
    study = searching(
        space={"sft_share": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]}, baselines={}, decay={"tokens": 1000}
    )
    rng, trials = np.random.default_rng(0), []
    # 0.6 and 0.8 are as good as each other; the ends are far behind.
    truth = {0.0: 1.0, 0.2: 0.6, 0.4: 0.3, 0.6: 0.1, 0.8: 0.1, 1.0: 0.5}

    def run(requests: Sequence[TrialRequest]) -> None:
        for one in observe(study, list(requests), 0.0, rng):
            value = truth[round(one.sft_share, 6)] + 0.05 * rng.standard_normal()
            trials.append(one.model_copy(update={"scores": {"math": value, "code": value}}))

    run([TrialRequest(sft_share=share, seed=seed) for seed in (0, 1) for share in truth])
    further = []
    for _ in range(4):
        proposal = propose(study, trials, [], 2)
        further += [one.mixture(study.recipe) for one in proposal.requests]
        run(proposal.requests)
    sft = [mixture.shares["chat"] + mixture.shares["proofs"] for mixture in further]
    assert sum(0.5 < share < 0.9 for share in sft) >= 6
    assert len({one.trial_id for one in trials}) == 12 + 8


def test_a_repeat_runs_with_a_seed_that_its_mixture_has_not_had() -> None:
    study, rng = searching(design={"num_mixtures": 20}), np.random.default_rng(3)
    trials = first(study, 0.2, rng)
    seen = {(str(one.shares), one.seed) for one in trials}
    for request in propose(study, trials, [], 8).requests:
        assert (str(request.shares), request.seed) not in seen
        seen.add((str(request.shares), request.seed))


def test_too_few_scores_fill_the_space_and_say_so() -> None:
    study = searching()
    trials = first(study, 0.01, np.random.default_rng(0))[:3]
    proposal = propose(study, trials, [], 2)
    assert proposal.chosen_by == "space_filling: too few mixtures have scores"
    assert len(proposal.requests) == 2
    assert {request.seed for request in proposal.requests} == {0}


def test_it_stops_below_the_regret_that_the_study_asks_for() -> None:
    study = searching(search={"stop_regret": 10.0})
    proposal = propose(study, first(study, 0.01, np.random.default_rng(0)), [], 2)
    assert proposal.requests == ()
    assert proposal.stop is not None and "below search.stop_regret 10" in proposal.stop


def test_it_stops_where_nothing_is_left_to_gain_and_not_before() -> None:
    study = make_outside_study(space={"sft_share_range": [0.0, 1.0]}, search={}, baselines={})
    rng = np.random.default_rng(0)

    def scores(num: int, noise: float) -> Proposal:
        requests = [TrialRequest(sft_share=float(s), seed=0) for s in np.linspace(0, 1, num)]
        trials = observe(study, requests, 0.0, rng)
        noisy = [
            one.model_copy(
                update={
                    "scores": {
                        name: (one.sft_share - 0.6) ** 2 + noise * float(rng.standard_normal())
                        for name in one.scores
                    }
                }
            )
            for one in trials
        ]
        return propose(study, noisy, [], 2)

    assert scores(6, 0.05).stop is None
    stopped = scores(60, 0.003)
    assert stopped.stop is not None and stopped.stop.startswith("nothing is left to gain")


@pytest.mark.parametrize(("num_trials", "seconds"), [(400, 2.0), (2000, 5.0)])
def test_a_proposal_takes_less_than_its_deadline(num_trials: int, seconds: float) -> None:
    study, rng = searching(), np.random.default_rng(0)
    (region,) = regions_of(study)
    requests = [
        request_of(study, row).model_copy(update={"seed": 0})
        for row in draw([region], num_trials, rng)
    ]
    trials = observe(study, requests, 0.05, rng)
    # Of a process that other tests share the machine with, its own time is what counts.
    started = time.process_time()
    propose(study, trials, [], 4, deadline_seconds=seconds)
    assert time.process_time() - started < seconds
