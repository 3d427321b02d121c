"""The sentences: what to do, and which notes are said when."""

from typing import Any

import pytest

from mixtures.recommend_words import mixture_sentence, notes_of, sentence_of
from mixtures.recommendation import BenchmarkOptimum, Evidence

TRIED = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
NO_OPTIMA = [BenchmarkOptimum(benchmark="math", best_share=0.4, interval=(0.2, 0.6), mean=3.0)]


def evidence(**changes: Any) -> Evidence:
    found = {
        "num_trials": 24,
        "num_mixtures": 12,
        "num_seeds": 2,
        "noise_sd": 0.01,
        "seed_sd": 0.02,
        "out_of_fold_spearman": 0.9,
        "out_of_fold_rmse": 0.02,
        "out_of_fold_coverage": 0.95,
        "as_of": "feed",
    }
    return Evidence.model_validate({**found, **changes})


@pytest.mark.parametrize(
    ("share", "pieces", "words"),
    [
        (0.645, [(0.5, 0.8)], "Decay on 64.5 % SFT; 50 to 80 % cannot be told from it"),
        (0.6, [(0.6, 0.6)], "Decay on 60 % SFT; every other share tried is worse"),
        (
            0.2,
            [(0.0, 0.25), (0.9, 0.9)],
            "Decay on 20 % SFT; 0 to 25 % and 90 % cannot be told from it",
        ),
    ],
)
def test_the_sentence_says_what_to_do_and_on_what_evidence(
    share: float, pieces: list[tuple[float, float]], words: str
) -> None:
    said = sentence_of(share, pieces, evidence(), enough_evidence=True)
    assert said == f"{words} (24 trials, 12 mixtures, 2 seeds)."


def test_a_flat_curve_prefers_nothing() -> None:
    one = evidence(num_trials=1, num_mixtures=1, num_seeds=1)
    assert sentence_of(0.55, [(0.0, 1.0)], one, enough_evidence=False) == (
        "Not enough evidence to prefer a share: no share tried can be told from 55 % SFT "
        "(1 trial, 1 mixture, 1 seed)."
    )


def of_mixture(shares: dict[str, float], **changes: Any) -> str:
    asked: dict[str, Any] = {
        "sft_share": 0.558,
        "rule": "lowest_mean",
        "best_share": (0.451, 0.6),
        "num_tied": 2,
        "evidence": evidence(),
        "enough_evidence": True,
    }
    return mixture_sentence(shares, **{**asked, **changes})


def test_a_mixture_leads_with_its_sft_share_and_spells_four_sources_out() -> None:
    shares = {"web": 0.442, "chat": 0.2, "math": 0.3, "code": 0.058, "none": 0.0049}
    assert of_mixture(shares) == (
        "Decay on 55.8 % SFT (45.1 to 60 %): web 44.2 %, math 30 %, chat 20 %, code 5.8 %; "
        "2 of 12 mixtures tried cannot be told from the best (24 trials, 12 mixtures, 2 seeds)."
    )
    told = of_mixture(shares, best_share=(0.558, 0.558), num_tied=12)
    assert told.startswith("Decay on 55.8 % SFT: web 44.2 %")
    assert "no mixture tried can be told from it" in told


def test_of_more_sources_the_three_largest_are_named_and_the_rest_counted() -> None:
    shares = {"a": 0.1, "b": 0.1, "c": 0.3, "d": 0.1, "e": 0.395, "f": 0.005, "g": 0.0}
    assert ": e 39.5 %, c 30 %, a 10 % and 3 more; 2 of 12" in of_mixture(shares)


def notes(share: float = 0.6, optima: Any = NO_OPTIMA, enough: bool = True, **changes: Any) -> str:
    return " ".join(notes_of(share, TRIED, optima, evidence(**changes), enough))


def test_a_clear_answer_needs_no_note() -> None:
    assert notes() == ""


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "the lowest that was tried (0 %)"), (1.0, "the highest that was tried (100 %)")],
)
def test_an_answer_at_the_edge_is_no_interior_optimum(share: float, words: str) -> None:
    assert words in notes(share)
    assert "no interior optimum" in notes(share)
    # On a flat curve the edge is chance; that is said instead.
    assert "edge" not in notes(share, enough=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_mixtures": 5}, "Only 5 shares were tried"),
        ({"num_seeds": 1}, "One seed only"),
        ({"out_of_fold_coverage": 0.75}, "only 75 % of the trials fall into their 95 % interval"),
    ],
)
def test_thin_evidence_is_named(changes: dict[str, Any], words: str) -> None:
    assert words in notes(**changes)


def test_the_limits_themselves_are_enough() -> None:
    assert notes(num_mixtures=6, num_seeds=2, out_of_fold_coverage=0.8) == ""


def optimum(name: str, share: float, low: float, high: float) -> BenchmarkOptimum:
    return BenchmarkOptimum(benchmark=name, best_share=share, interval=(low, high), mean=3.0)


def test_benchmarks_disagree_where_their_intervals_have_no_share_in_common() -> None:
    code, math = optimum("code", 0.1, 0.0, 0.2), optimum("math", 0.9, 0.7, 1.0)
    middle = optimum("qa", 0.5, 0.1, 0.9)
    assert notes(optima=[middle, math, code]) == (
        "Benchmarks disagree: code is best at 10 % (0 to 20 %), math at 90 % (70 to 100 %); the "
        "objective's weights decide between them."
    )
    touching = optimum("qa", 0.3, 0.2, 0.4)
    assert notes(optima=[code, touching]) == ""
