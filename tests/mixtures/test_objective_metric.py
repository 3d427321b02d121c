"""The objective takes any metric that its benchmarks have, and knows which way is better."""

from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.rank import leaderboard
from mixtures.recommend import recommend
from mixtures.study import StudySpec
from tests.mixtures.share_study import make_study, observe

PICKS = {"name": "picks", "files": ["a.jsonl"], "prompt": "{{ q }}"}
CHOICES = {**PICKS, "choices": "{{ c }}", "gold": "{{ g }}"}
HELD_OUT = {"name": "text", "held_out": "web"}
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def choosing(metric: str = "acc", **objective: Any) -> StudySpec:
    changes = {
        "benchmarks": [CHOICES, HELD_OUT],
        "space": {"sft_share": SHARES},
        "objective": {"metric": metric, "weights": {"text": 0.0}, **objective},
    }
    return StudySpec.model_validate({**make_study().model_dump(mode="json"), **changes})


def message_of(caught: Any) -> str:
    return str(caught.value.errors()[0]["msg"])


def test_a_weighed_benchmark_without_the_metric_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        choosing(weights={})
    assert "benchmark 'text' does not have" in message_of(caught)
    assert "['bits_per_byte']" in message_of(caught)


def test_an_unknown_metric_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError) as caught:
        choosing("accuracy")
    assert "'accuracy' is no metric" in message_of(caught)
    assert "'acc'" in message_of(caught)


def test_only_benchmarks_with_the_metric_are_ranked() -> None:
    assert [one.name for one in choosing().ranked_benchmarks] == ["picks"]
    assert [one.name for one in choosing("bits_per_byte").ranked_benchmarks] == ["picks", "text"]


def curve(share: float, seed: int) -> float:
    return 0.4 - (share - 0.6) ** 2 + 0.001 * seed * (1 + share)


def test_more_is_better_mirrors_less_is_better() -> None:
    """Accuracy, and the same numbers negated as a Brier score: ranks, ties and shares agree."""
    more, less = choosing("acc"), choosing("brier")
    ups = [observe(more, s, seed, picks=curve(s, seed)) for s in SHARES for seed in (0, 1)]
    downs = [observe(less, s, seed, picks=-curve(s, seed)) for s in SHARES for seed in (0, 1)]
    up, down = leaderboard(more, ups), leaderboard(less, downs)
    assert (up.direction, down.direction) == ("maximise", "minimise")
    assert up.rows[0].sft_share == 0.6
    for a, b in zip(up.rows, down.rows, strict=True):
        assert (a.rank, a.sft_share, a.tied_with_best) == (b.rank, b.sft_share, b.tied_with_best)
        assert a.mean == -b.mean
        assert a.scores["picks"] == -b.scores["picks"]
        assert a.interval and b.interval
        assert a.interval == pytest.approx((-b.interval[1], -b.interval[0]))
        for p, q in zip(a.paired, b.paired, strict=True):
            assert p.difference == -q.difference
            assert p.interval and p.interval[0] <= p.difference <= p.interval[1]

    high, low = recommend(more, ups), recommend(less, downs)
    assert high.direction == "maximise"
    assert high.sft_share == low.sft_share == pytest.approx(0.6, abs=0.1)
    assert high.best_share_interval == low.best_share_interval
    assert high.predicted_mean == pytest.approx(-low.predicted_mean)
    assert high.predicted_interval[0] <= high.predicted_mean <= high.predicted_interval[1]
    assert high.p_best == low.p_best
    assert high.per_benchmark[0].mean == pytest.approx(-low.per_benchmark[0].mean)
    assert all(
        a <= m <= b
        for a, m, b in zip(high.curve.low, high.curve.mean, high.curve.high, strict=True)
    )
    baseline = high.compared_with[0]
    assert (baseline.baseline, baseline.difference > 0) == ("pretrain_only", True)
    assert baseline.probability_better == low.compared_with[0].probability_better > 0.9
