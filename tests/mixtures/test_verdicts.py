"""Claims judged on trials whose truth is known."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mixtures.confirmation_found import ConfirmationAnswer, Difference, MixtureFound
from mixtures.observation import Observation
from mixtures.rank import leaderboard
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer, answer_study
from mixtures.verdict import Verdict
from mixtures.verdicts import verdicts
from tests.mixtures.share_study import SWEEP, make_study, observe, observe_curve

BEST_AT_60 = [
    {"kind": "best_share_in", "low": 0.5, "high": 0.7, "words": "inside"},
    {"kind": "best_share_in", "low": 0.0, "high": 0.2, "words": "far off"},
    {"kind": "best_share_in", "low": 0.6, "high": 0.9, "words": "the half of it"},
    {"kind": "best_share_is", "sft_share": 0.6, "words": "there"},
    {"kind": "best_share_is", "sft_share": 0.1, "words": "not there"},
    {
        "kind": "compared",
        "first": {"recommended": True},
        "says": "better",
        "second": {"baseline": "pretrain_only"},
        "words": "better than none",
    },
]


def judge(study: StudySpec, observations: Sequence[Observation]) -> tuple[Verdict, ...]:
    answer = answer_study(study, observations)
    return verdicts(study, study.claims, observations, answer)


Known = tuple[StudySpec, list[Observation], StudyAnswer]


def curve(share: float) -> float:
    return 3.0 + (share - 0.6) ** 2


def words(found: Sequence[Verdict]) -> list[str]:
    return [one.verdict for one in found]


@pytest.fixture(scope="module")
def known() -> Known:
    """Fitted once: a fit takes two seconds."""
    study = make_study(claims=BEST_AT_60)
    trials = observe_curve(study, curve, 0.004, np.random.default_rng(0))
    return study, trials, answer_study(study, trials)


def confirmation(low: float, high: float) -> ConfirmationAnswer:
    """Of what the judge reads: the recommended mixture less the baseline, over eight seeds."""
    mixtures = [
        MixtureFound.model_construct(names=names)
        for names in (("recommended",), ("raw_top", "pretrain_only"))
    ]
    pair = Difference.model_construct(
        one="recommended",
        other="raw_top",
        difference=(low + high) / 2,
        interval=(low, high),
        num_pairs=8,
    )
    return ConfirmationAnswer.model_construct(
        mixtures=tuple(mixtures), differences=(pair,), is_complete=True
    )


def test_fresh_seeds_decide_on_what_is_recommended(known: Known) -> None:
    study, trials, answer = known
    claim = study.claims[-1:]
    (by_fit,) = verdicts(study, claim, trials, answer)
    assert by_fit.verdict == "supported" and "by the fit" in by_fit.sentence
    for low, high, word in (
        (-0.3, -0.1, "supported"),
        (0.1, 0.3, "not supported"),
        (-0.3, 0.1, "undecided"),
    ):
        (found,) = verdicts(study, claim, trials, answer, confirmation(low, high))
        assert (found.verdict, found.interval) == (word, (low, high))
        assert "8 pairs of fresh seeds" in found.sentence


def test_best_shares_of_a_known_curve(known: Known) -> None:
    study, trials, answer = known
    found = verdicts(study, study.claims, trials, answer)
    yes, no, half = "supported", "not supported", "undecided"
    assert words(found) == [yes, no, half, yes, no, yes]
    assert found[0].estimate == pytest.approx(0.6, abs=0.05)
    low, high = found[0].interval or (0, 1)
    assert 0.5 < low < 0.6 < high < 0.7
    assert found[0].sentence.startswith("The best SFT share is ")
    difference = found[5].estimate
    assert difference == pytest.approx(-0.36, abs=0.02)


def test_nothing_is_claimed_of_a_flat_curve() -> None:
    study = make_study(("math",), claims=BEST_AT_60)
    shares = SWEEP[::2]
    trials = observe_curve(study, lambda share: 3.0, 0.05, np.random.default_rng(1), shares)
    assert set(words(judge(study, trials))) == {"undecided"}


def test_too_few_trials_leave_every_claim_undecided_and_say_why() -> None:
    study = make_study(claims=BEST_AT_60)
    found = judge(study, [observe(study, 0.5, 0, math=1.0, code=1.0)])
    assert set(words(found)) == {"undecided"}
    assert all(one.sentence.startswith("Not told: ") and one.interval is None for one in found)


FORMS = ("linear", "exponential", "cosine")
FACTORS: dict[str, Any] = {
    "space": {
        "sft_share": [0.64],
        "factors": {"decay.form": list(FORMS), "decay.lr_ratio": [0.5, 1.0]},
    },
    "baselines": {},
    "seeds": [0, 1, 2, 3],
}


def form(*names: str) -> dict[str, Any]:
    return {"factors": {"decay.form": list(names)}}


def settings_study(says: str, first: Any, second: Any, **more: Any) -> StudySpec:
    claim = {"kind": "compared", "words": "x", "first": first, "says": says, "second": second}
    return make_study(claims=[{**claim, **more}], **FACTORS)


def settings_trials(study: StudySpec, gap: float, noise: float) -> list[Observation]:
    """Exponential is `gap` worse than linear, cosine as good as it; half the rate costs 0.5."""
    rng = np.random.default_rng(7)
    offsets = {"linear": 0.0, "exponential": gap, "cosine": 0.0}
    found = []
    for seed in study.seeds:
        effect = 0.05 * rng.standard_normal()
        for name, offset in offsets.items():
            for rate in (0.5, 1.0):
                value = 2.0 + offset + 0.5 * (rate < 1) + effect + noise * rng.standard_normal()
                trial = observe(study, 0.64, seed, math=value, code=value + 1)
                at = {"decay.form": name, "decay.lr_ratio": rate}
                found.append(
                    trial.model_copy(update={"factors": at, "trial_id": f"{name} {rate} {seed}"})
                )
    return found


@pytest.mark.parametrize(
    ("says", "gap", "noise", "word"),
    [
        ("better", 0.3, 0.01, "supported"),
        ("better", -0.3, 0.01, "not supported"),
        ("not_worse", 0.0, 0.01, "supported"),
        ("not_worse", -0.3, 0.01, "not supported"),
        ("equal", 0.3, 0.01, "not supported"),
        ("different", 0.3, 0.01, "supported"),
    ],
)
def test_linear_against_exponential_each_at_its_best_rate(
    says: str, gap: float, noise: float, word: str
) -> None:
    study = settings_study(says, form("linear"), form("exponential"))
    (found,) = judge(study, settings_trials(study, gap, noise))
    assert found.verdict == word, found.sentence
    assert found.estimate == pytest.approx(-gap, abs=0.03)
    # Each side at the rate that is better, not at a mean over rates.
    assert found.sentence.startswith(
        "The best of 2 with decay.form linear (decay.lr_ratio 1) minus "
        "the best of 2 with decay.form exponential (decay.lr_ratio 1): "
    )
    assert "4 pairs of seeds" in found.sentence


def test_the_best_of_several_is_named_by_what_its_side_leaves_open() -> None:
    study = settings_study("equal", form("linear", "cosine"), {"factors": {"decay.lr_ratio": 0.5}})
    trials = settings_trials(study, 0.3, 0.001)
    (found,) = judge(study, trials)
    first, second = found.sentence.split(": ")[0].split(" minus ")
    assert re.fullmatch(
        r"The best of 4 with decay\.form linear or cosine "
        r"\(decay\.form (linear|cosine), decay\.lr_ratio 1\)",
        first,
    )
    assert re.fullmatch(
        r"the best of 3 with decay\.lr_ratio 0\.5 \(decay\.form (linear|cosine)\)", second
    )
    # Of one setting with several shares the share is what was chosen.
    at = {"decay.form": "linear", "decay.lr_ratio": 1.0}
    other = [observe(study, 0.3, seed, math=1.0, code=2.0) for seed in study.seeds]
    more = [one.model_copy(update={"factors": at, "trial_id": f"low {one.seed}"}) for one in other]
    study = settings_study("equal", {"factors": at}, {"factors": {"decay.form": "cosine"}})
    (found,) = judge(study, [*trials, *more])
    assert found.sentence.startswith(
        "The best of 2 with decay.form linear, decay.lr_ratio 1 (30 % SFT) minus "
    )


def test_a_paired_difference_is_that_of_the_leaderboard() -> None:
    study = settings_study("equal", form("linear"), form("cosine"))
    trials = settings_trials(study, 0.2, 0.02)
    (found,) = judge(study, trials)
    rows = {tuple(row.factors.values()): row.mean for row in leaderboard(study, trials).rows}
    expected = rows["linear", 1.0] - rows["cosine", 1.0]
    assert found.estimate == pytest.approx(expected)


def test_a_group_alone_is_compared_where_the_claim_is_of_it() -> None:
    study = settings_study("better", form("linear"), form("cosine"), of="code")
    trials = [
        one.model_copy(
            update={
                "scores": {
                    "math": one.scores["math"],
                    "code": one.scores["code"] + (one.factors["decay.form"] == "cosine"),
                }
            }
        )
        for one in settings_trials(study, 0.0, 0.01)
    ]
    (found,) = judge(study, trials)
    assert found.verdict == "supported"
    assert found.estimate == pytest.approx(-1.0, abs=0.03)


def test_one_seed_decides_nothing() -> None:
    study = settings_study("better", form("linear"), form("cosine"))
    trials = [one for one in settings_trials(study, 0.3, 0.01) if one.seed == 0]
    (found,) = judge(study, trials)
    assert found.verdict == "undecided"
    assert "noise is not known" in found.sentence


def test_a_setting_in_and_out_of_the_tie_group() -> None:
    def claim(rate: float) -> dict[str, Any]:
        return {"kind": "in_tie_group", "words": "x", "factors": {"decay.lr_ratio": rate}}

    study = make_study(claims=[claim(1.0), claim(0.5)], **FACTORS)
    good, bad = judge(study, settings_trials(study, 0.3, 0.01))
    assert (good.verdict, bad.verdict) == ("supported", "not supported")
    assert bad.estimate == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("best", "word"),
    [({"math": 0.2, "code": 0.8}, "supported"), ({"math": 0.5, "code": 0.5}, "not supported")],
)
def test_best_shares_of_groups(best: dict[str, float], word: str) -> None:
    study = make_study(claims=[{"kind": "best_shares_differ", "words": "x"}])
    groups = [one.model_copy(update={"group": one.name}) for one in study.benchmarks]
    study = study.model_copy(update={"benchmarks": tuple(groups)})
    rng = np.random.default_rng(2)
    trials = [
        observe(
            study,
            share,
            seed,
            **{
                name: 1 + (share - at) ** 2 + 0.003 * rng.standard_normal()
                for name, at in best.items()
            },
        )
        for seed in (0, 1)
        for share in SWEEP
    ]
    (found,) = judge(study, trials)
    assert found.verdict == word, found.sentence
    assert found.estimate == pytest.approx(best["code"] - best["math"], abs=0.06)


@pytest.mark.parametrize(("best", "word"), [(0.2, "supported"), (0.62, "not supported")])
def test_best_shares_of_levels(best: float, word: str) -> None:
    claim = {"kind": "best_shares_differ", "factor": "full_run.matched", "words": "x"}
    study = make_study(
        claims=[claim],
        full_run={"decay_tokens": 6_000_000},
        space={"sft_share": SWEEP, "factors": {"full_run.matched": [True, False]}},
    )
    rng = np.random.default_rng(3)
    trials = [
        observe(study, share, seed, math=value, code=value).model_copy(
            update={"factors": {"full_run.matched": is_matched}}
        )
        for seed in (0, 1)
        for share in SWEEP
        for is_matched, at in ((True, best), (False, 0.6))
        for value in [1 + (share - at) ** 2 + 0.003 * rng.standard_normal()]
    ]
    (found,) = judge(study, trials)
    assert found.verdict == word, found.sentence


@pytest.mark.parametrize(("flipped", "word"), [(False, "supported"), (True, "not supported")])
def test_proxies_that_order_shares_alike(flipped: bool, word: str) -> None:
    study = make_study(
        claims=[{"kind": "ranks_agree", "at_least": 0.7, "words": "x"}],
        proxy={"preset": "pico"},
        space={"sft_share": SWEEP, "factors": {"proxy": ["pico", "nano"]}},
    )
    rng = np.random.default_rng(4)
    trials = [
        observe(study, share, seed, math=value, code=value).model_copy(
            update={"factors": {"proxy": proxy}}
        )
        for seed in (0, 1)
        for share in SWEEP
        for proxy, sign in (("pico", 1), ("nano", -1 if flipped else 1))
        for value in [3 + sign * share + 0.01 * rng.standard_normal()]
    ]
    (found,) = judge(study, trials)
    assert found.verdict == word, found.sentence


def test_a_source_that_pays_and_one_that_costs() -> None:
    study = make_study(
        claims=[
            {"kind": "source_pays", "pays": "proofs", "words": "x"},
            {"kind": "source_pays", "pays": "chat", "without": ["code"], "words": "x"},
        ],
        space={"sft_share_range": [0.2, 0.8], "free_groups": ["sft"]},
        seeds=[0, 1],
    )
    rng = np.random.default_rng(5)
    trials = []
    for place in range(24):
        total, inside = rng.uniform(0.2, 0.8), rng.uniform(0, 1)
        shares = {"web": 0.75 * (1 - total), "books": 0.25 * (1 - total)}
        shares |= {"chat": total * inside, "proofs": total * (1 - inside)}
        for seed in (0, 1) if place < 12 else (0,):
            value = 3.0 - shares["proofs"] + shares["chat"] + 0.01 * rng.standard_normal()
            trials.append(
                Observation(
                    trial_id=f"{place} {seed}",
                    shares=shares,
                    sft_share=total,
                    seed=seed,
                    scores={"math": value, "code": 3.0 + 0.01 * rng.standard_normal()},
                )
            )
    pays, costs = judge(study, trials)
    assert (pays.verdict, costs.verdict) == ("supported", "not supported"), costs.sentence
