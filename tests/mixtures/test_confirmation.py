"""A confirmation's plan and its answer: by hand, with scipy as the reference of the paired t."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from mixtures.confirmation import Confirmation, Promise
from mixtures.confirmation_answer import confirmation_answer
from mixtures.confirmation_found import ConfirmationAnswer, StandingTrial
from mixtures.confirmation_plan import AlsoAsked, confirmation_of, confirming_study, fresh_seeds
from mixtures.design import first_trials
from mixtures.extension import Extension
from mixtures.observation import Observation
from mixtures.rank import leaderboard
from mixtures.study import StudySpec
from mixtures.study_answer import answer_study
from mixtures.trial import TrialState
from mixtures.value import InvalidField
from tests.mixtures.outside_study import make_outside_study
from tests.mixtures.share_study import make_study, observe_curve

SEEDS = (10, 11, 12, 13)
# What a seed does to all mixtures: no difference may see it.
SHIFT = (0.1, -0.1, 0.0, 0.2)
OWN = (1.0, 1.0, 1.0, 1.0)
TOP = (1.01, 1.03, 1.02, 1.02)
PAPER = (1.10, 1.12, 1.08, 1.10)
SHARES = {"recommended": 0.5, "raw_top": 0.6, "paper": 0.64}
Scores = Mapping[str, Sequence[float | None]]


def named(study: StudySpec, name: str, promise: dict[str, Any] | None = None) -> dict[str, Any]:
    shares = study.mixture_at(SHARES[name]).shares
    return {"names": [name], "shares": shares, "promise": promise or {}}


def asked(**differences: dict[str, Any]) -> StudySpec:
    plain = make_study(("math",))
    promise = {"mean": 1.04, "interval": [0.98, 1.10], "raw_mean": 0.99, "num_trials": 2}
    told = {"mean": 1.03, "interval": [1.0, 1.06], "raw_mean": 0.92, "num_trials": 1}
    paper = {"mean": 1.11, "interval": [1.09, 1.12], "raw_mean": 1.12, "num_trials": 2}
    return make_study(
        ("math",),
        seeds=SEEDS,
        confirmation={
            "mixtures": [
                named(plain, "recommended", promise),
                named(plain, "raw_top", told),
                named(plain, "paper", paper),
            ],
            "differences": [{"other": name, **one} for name, one in differences.items()],
        },
    )


def answer(study: StudySpec, scores: Scores, state: str = "FAILED") -> ConfirmationAnswer:
    """None is a trial without a score, in `state`."""
    sign = study.objective.loss_sign
    (benchmark,) = (one.name for one in study.benchmarks)
    observations, standing = [], []
    for name, values in scores.items():
        for seed, shift, value in zip(SEEDS, SHIFT, values, strict=True):
            one = StandingTrial(
                trial_id=f"{name}-{seed}",
                shares=study.mixture_at(SHARES[name]).shares,
                factors={},
                seed=seed,
                state=TrialState.COMPLETE if value is not None else TrialState(state),
                message=None if value is not None else "a loss that is not finite",
            )
            standing.append(one)
            if value is not None:
                observations.append(
                    Observation(
                        trial_id=one.trial_id,
                        shares=one.shares,
                        sft_share=SHARES[name],
                        seed=seed,
                        scores={benchmark: sign * (value + shift)},
                    )
                )
    return confirmation_answer(study, "follow-up", standing, observations)


def all_of(own: Sequence[float | None] = OWN, top: Sequence[float | None] = TOP) -> Scores:
    return {"recommended": own, "raw_top": top, "paper": PAPER}


def test_differences_are_paired_by_seed_and_adjusted_for_each_other() -> None:
    found = answer(asked(paper={"difference": -0.09, "interval": [-0.12, -0.05]}), all_of())
    top, paper = found.differences
    assert (top.one, top.other, paper.other) == ("recommended", "raw_top", "paper")
    # 1 - 1.01, 1 - 1.03, 1 - 1.02, 1 - 1.02: the shifts are gone.
    assert top.by_seed == pytest.approx({10: -0.01, 11: -0.03, 12: -0.02, 13: -0.02})
    assert (top.difference, paper.difference) == pytest.approx((-0.02, -0.10))
    assert top.sd == pytest.approx((2e-4 / 3) ** 0.5)
    by_scipy = stats.ttest_rel(OWN, TOP)
    interval = by_scipy.confidence_interval(0.95)
    assert top.interval == pytest.approx((interval.low, interval.high))
    assert top.p_t == pytest.approx(by_scipy.pvalue)
    # The larger p of two stays, the smaller is doubled.
    assert paper.p_t is not None and top.p_t is not None and paper.p_t < top.p_t / 2
    assert (paper.p_holm, top.p_holm) == pytest.approx((2 * paper.p_t, top.p_t))
    # Of the sixteen choices of signs only all alike have a sum so far from zero.
    assert (top.p_sign_flip, paper.p_sign_flip) == (2 / 16, 2 / 16)
    assert (top.told, paper.told) == ("better", "better")
    assert (paper.is_promised_lead, paper.held, top.is_promised_lead) == (True, "inside", False)
    assert found.verdict == "confirmed"
    assert found.sentence.startswith(
        "Confirmed on 4 fresh seeds: the recommended mixture is better"
    )


def test_levels_say_whether_the_promised_interval_was_honest() -> None:
    found = answer(asked(), all_of())
    own, top, paper = found.mixtures
    # The mean shift of the four seeds is .05.
    assert (own.mean, top.mean, paper.mean) == pytest.approx((1.05, 1.07, 1.15))
    assert own.held == "inside"  # .98 to 1.10
    # 1.07 is above 1.06, but its own interval (sd of .1.. over four seeds) reaches in.
    assert top.held == "overlaps"
    assert top.interval is not None and top.interval[0] < 1.06
    half = stats.t.ppf(0.975, 3) * np.std(np.add(TOP, SHIFT), ddof=1) / 2
    assert top.interval == pytest.approx((1.07 - half, 1.07 + half))
    assert own.shortfall == pytest.approx(0.01)
    assert own.raw_shortfall == pytest.approx(0.06)


def test_the_winners_curse_is_what_the_other_seeds_do_not_explain() -> None:
    curse = answer(asked(), all_of()).winners_curse
    assert curse is not None
    # .92 by one trial, 1.07 by four: .15 worse; the paper's moved from 1.12 to 1.15.
    assert (curse.mixture, curse.num_trials) == ("raw_top", 1)
    assert (curse.shortfall, curse.seed_shift, curse.net) == pytest.approx((0.15, 0.03, 0.12))


def test_a_baseline_that_is_the_raw_top_does_not_stand_for_the_seeds() -> None:
    study = asked()
    assert study.confirmation is not None
    own, top, paper = study.confirmation.mixtures
    both = top.model_copy(update={"names": ("raw_top", "pretrain_only")})
    wanted = study.confirmation.model_copy(update={"mixtures": (own, both, paper)})
    curse = answer(study.model_copy(update={"confirmation": wanted}), all_of()).winners_curse
    assert curse is not None and curse.seed_shift == pytest.approx(0.03)


def test_the_winner_is_the_best_mean_and_who_is_like_it() -> None:
    found = answer(asked(), all_of(top=(1.0, 0.99, 1.01, 0.99)))
    assert found.winner is not None
    assert (found.winner.mixture, found.winner.second) == ("raw_top", "recommended")
    assert found.winner.lead == pytest.approx(-0.0025)
    assert found.winner.tied == ("recommended",)
    assert found.winner.seeds == SEEDS
    # Against the paper it is a lead, against the raw top nothing can be told.
    assert found.verdict == "undecided"
    assert "it cannot be told from the raw top" in found.sentence


def test_a_mixture_that_is_told_better_refutes_the_recommendation() -> None:
    found = answer(asked(), all_of(top=(0.91, 0.90, 0.92, 0.91)))
    assert found.differences[0].told == "worse"
    assert found.verdict == "not confirmed"
    assert found.sentence.startswith(
        "Not confirmed on 4 fresh seeds: the recommended mixture is worse than the raw top (by 0.09"
    )


def test_a_promised_lead_that_is_not_there_refutes_it_too() -> None:
    near = {"recommended": OWN, "raw_top": OWN, "paper": (1.001, 0.999, 1.0, 1.0)}
    gone = answer(asked(paper={"difference": -0.09, "interval": [-0.12, -0.05]}), near)
    assert (gone.differences[1].held, gone.verdict) == ("outside", "not confirmed")
    assert "the promised lead over paper" in gone.sentence
    # The same scores without such a promise decide nothing.
    assert answer(asked(), near).verdict == "undecided"


def test_a_lead_that_was_promised_is_enough_and_the_others_need_not_be_beaten() -> None:
    scores = all_of(top=(1.0, 0.99, 1.01, 0.99))
    found = answer(asked(paper={"difference": -0.09, "interval": [-0.12, -0.05]}), scores)
    assert found.verdict == "confirmed"


def test_pairs_that_lack_a_trial_are_left_out_and_named() -> None:
    found = answer(asked(), all_of(top=(1.01, None, 1.02, 1.02)))
    top, paper = found.differences
    assert (top.num_pairs, top.left_out, paper.num_pairs) == (3, (11,), 4)
    assert top.difference == pytest.approx(-0.05 / 3)
    (lost,) = found.missing
    assert (lost.mixture, lost.seed, lost.trial_id) == ("raw_top", 11, "raw_top-11")
    assert (lost.state, lost.message) == (TrialState.FAILED, "a loss that is not finite")
    # Seed 11 would move the others' means by .05: winner and curse are over the three alone.
    assert found.winner is not None and found.winner.seeds == (10, 12, 13)
    assert found.winner.lead == pytest.approx(-0.05 / 3)
    assert found.winner.tied == ()
    curse = found.winners_curse
    assert curse is not None
    # 1.0167 and .1 of the seeds less .92; the paper's 1.0933 and .1 less 1.12.
    assert curse.confirmed == pytest.approx(1.05 / 3 + 2 / 3 + 0.1)
    assert (curse.shortfall, curse.seed_shift) == pytest.approx((0.59 / 3, 0.22 / 3))
    assert found.is_complete
    assert any("raw_top with seed 11 (FAILED)" in one for one in found.notes)


@pytest.mark.parametrize("state", ["WAITING", "RUNNING"])
def test_there_is_no_verdict_before_the_last_trial(state: str) -> None:
    found = answer(asked(), all_of(top=(1.01, None, 1.02, 1.02)), state)
    assert (found.verdict, found.is_complete) == ("undecided", False)
    assert found.sentence == ("No verdict yet: 1 of 12 trials on 4 fresh seeds is still to come.")
    nothing = answer(asked(), {name: [None] * 4 for name in SHARES}, state)
    assert (nothing.winner, nothing.winners_curse) == (None, None)
    assert nothing.differences[0].difference is None


def test_where_more_is_better_a_lead_is_above_zero() -> None:
    study = outside_confirmation()
    found = answer(study, all_of())
    assert found.differences[1].difference == pytest.approx(0.10)
    assert found.differences[1].interval is not None and found.differences[1].interval[0] > 0
    assert (found.verdict, found.differences[1].is_promised_lead) == ("confirmed", True)
    assert found.winner is not None and found.winner.mixture == "recommended"
    assert "better than the raw top (by 0.0200" in found.sentence
    assert found.winners_curse is not None
    # Promised -.92 (of a score that is better when higher), found -1.07.
    assert found.winners_curse.shortfall == pytest.approx(0.15)


def outside_confirmation() -> StudySpec:
    told = {"raw_mean": -0.92, "num_trials": 1}
    changes: dict[str, Any] = {
        "benchmarks": [{"name": "math"}],
        "objective": {"metric": "points", "better": "higher"},
    }
    plain = make_outside_study(**changes)
    return make_outside_study(
        **changes,
        seeds=SEEDS,
        confirmation={
            "mixtures": [
                named(plain, "recommended"),
                named(plain, "raw_top", told),
                named(plain, "paper"),
            ],
            "differences": [{"other": "paper", "difference": 0.09, "interval": [0.05, 0.12]}],
        },
    )


def planned(**changes: Any) -> tuple[StudySpec, Confirmation, list[Observation]]:
    study = make_study(("math",), **changes)
    rng = np.random.default_rng(3)
    trials = observe_curve(study, lambda share: 3 + (share - 0.45) ** 2, 0.01, rng)
    found = answer_study(study, trials)
    assert found.recommendation is not None
    theirs = Promise(mean=3.5, interval=(3.4, 3.6))
    also = [
        AlsoAsked(name="trial-x", shares=study.mixture_at(0.3).shares, factors={}, promise=theirs),
        AlsoAsked(name="from-y", shares=study.mixture_at(0.33).shares, factors={}, promise=theirs),
    ]
    wanted = confirmation_of("abc", study, found.recommendation, found.leaderboard, also)
    own, board = found.recommendation, found.leaderboard
    assert wanted.mixtures[0].shares == own.mixture.shares
    assert wanted.mixtures[0].promise.mean == own.predicted_mean
    assert wanted.mixtures[0].promise.interval == own.predicted_interval
    top = min(board.rows, key=lambda row: row.mean)
    of_top = next(one for one in wanted.mixtures if "raw_top" in one.names)
    assert (of_top.shares, of_top.promise.raw_mean) == (top.shares, top.mean)
    # What this study has tried it speaks of itself.
    by_name = {name: one for one in wanted.mixtures for name in one.names}
    assert by_name["from-y"].promise == theirs
    row = next(row for row in board.rows if row.sft_share == 0.3)
    assert row.posterior is not None
    assert by_name["trial-x"].promise.mean == row.posterior.mean
    compared = {one.baseline: one for one in own.compared_with}
    for one in wanted.differences:
        if one.other in compared:
            assert (one.difference, one.interval) == (
                compared[one.other].difference,
                compared[one.other].interval,
            )
    assert (wanted.as_of, wanted.num_trials) == (own.evidence.as_of, len(trials))
    return study, wanted, trials


def test_the_plan_has_the_recommended_the_raw_top_each_baseline_and_what_is_asked() -> None:
    study, wanted, _ = planned()
    names = [name for one in wanted.mixtures for name in one.names]
    expected = ["from-y", "paper", "pretrain_only", "raw_top", "recommended", "trial-x"]
    assert sorted(names) == expected
    follow = confirming_study(study, wanted, [2, 3, 4])
    assert (follow.name, follow.seeds, follow.search) == ("sweep-confirmation", (2, 3, 4), None)
    trials = first_trials(follow, "follow", {})
    assert len(trials) == follow.num_first_trials == 3 * len(wanted.mixtures)
    assert follow.budget.max_trials == len(trials)
    assert [one.seed for one in trials[: len(wanted.mixtures)]] == [2] * len(wanted.mixtures)
    # The same recipe and decay, so the same stable checkpoint.
    (before, *_) = first_trials(study, "abc", {})
    assert all((one.recipe, one.decay) == (before.recipe, before.decay) for one in trials)
    again = StudySpec.model_validate_json(follow.model_dump_json())
    assert again.content_hash() == follow.content_hash() != study.content_hash()


def test_fresh_seeds_are_the_smallest_above_all_used() -> None:
    assert fresh_seeds(1, 8) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert fresh_seeds(41, 2) == [42, 43]
    assert fresh_seeds(None, 2) == [0, 1]


def test_a_baseline_that_is_recommended_is_one_mixture_with_two_names() -> None:
    study = make_study(("math",), baselines={"raw_top": 0.0, "paper": 0.64})
    trials = observe_curve(study, lambda s: 3 + abs(s - 0.64), 0.001, np.random.default_rng(0))
    found = answer_study(study, trials)
    assert found.recommendation is not None and found.leaderboard.rows[0].sft_share == 0.64
    own = found.recommendation.model_copy(update={"mixture": study.mixture_at(0.64)})
    wanted = confirmation_of("abc", study, own, found.leaderboard)
    assert [one.names for one in wanted.mixtures] == [
        ("recommended", "raw_top", "paper"),
        ("baseline-raw_top",),
    ]


def test_levels_of_factors_stay_with_their_mixtures() -> None:
    plain = make_study(("math",))
    rng = np.random.default_rng(0)
    trials = observe_curve(plain, lambda share: 3 + (share - 0.45) ** 2, 0.01, rng)
    found = answer_study(plain, trials).recommendation
    assert found is not None
    linear = found.model_copy(update={"factors": {"decay.form": "linear"}})
    study = make_study(
        ("math",), space={"sft_share": [0, 1], "factors": {"decay.form": ["exponential", "linear"]}}
    )
    at_levels = [
        one.model_copy(update={"factors": {"decay.form": level}, "scores": {"math": worse + 3}})
        for level, worse in (("exponential", 0.0), ("linear", 1.0))
        for one in trials
        if one.sft_share in (0.2, 0.64)
    ]
    board = leaderboard(study, at_levels)
    wanted = confirmation_of("abc", study, linear, board)
    by_name = {name: one for one in wanted.mixtures for name in one.names}
    levels = {name: one.factors["decay.form"] for name, one in by_name.items()}
    # The recommended at its own, the raw top at its own, baselines at the study's.
    assert levels["recommended"] == "linear"
    assert (levels["raw_top"], by_name["raw_top"].promise.raw_mean) == ("exponential", 3.0)
    assert (levels["paper"], levels["pretrain_only"]) == ("exponential", "exponential")
    follow = first_trials(confirming_study(study, wanted, [2, 3]), "follow", {})
    assert follow[0].decay.form == "linear" and follow[1].decay.form == "exponential"


def test_a_study_without_one_is_the_study_that_it_was() -> None:
    study = make_study()
    assert "confirmation" not in study.canonical()
    assert study.content_hash() == make_study(confirmation=None).content_hash()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seeds": [1]}, "seeds"),
        ({"confirmation": {"mixtures": []}}, "confirmation.mixtures"),
        ({"space": {"sft_share_range": [0, 1]}, "search": {}}, "search"),
        (
            {"confirmation": {"mixtures": [{"names": ["a"], "shares": {"songs": 1}}] * 2}},
            "confirmation",
        ),
        (
            {
                "confirmation": {
                    "mixtures": [
                        {"names": ["a"], "shares": {"songs": 1}},
                        {"names": ["b"], "shares": {"web": 1}},
                    ]
                }
            },
            "confirmation.mixtures.0.shares.songs",
        ),
        (
            {
                "confirmation": {
                    "mixtures": [
                        {"names": ["a"], "shares": {"web": 1}, "factors": {"decay.form": "linear"}},
                        {"names": ["b"], "shares": {"web": 1}},
                    ]
                }
            },
            "confirmation.mixtures.0.factors.decay.form",
        ),
    ],
)
def test_what_a_study_cannot_confirm_is_refused_by_its_field(
    change: dict[str, Any], field: str
) -> None:
    data = {**asked().model_dump(mode="json"), **change}
    with pytest.raises(ValidationError) as caught:
        StudySpec.model_validate(data)
    error = caught.value.errors()[0]
    cause = error.get("ctx", {}).get("error")
    found = ".".join(str(part) for part in error["loc"])
    assert (cause.field if isinstance(cause, InvalidField) and not found else found) == field


def test_a_confirmation_is_not_extended() -> None:
    with pytest.raises(InvalidField, match="stays as it was asked"):
        Extension(seeds=(99,)).applied_to(asked())
