"""How many more trials, against sample sizes by hand and by simulation; what is lost where."""

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from mixtures.recommend_evidence import (
    BenchmarkLoss,
    more_to_rank,
    more_to_tell_apart,
    most_of,
    worst_benchmark,
)


def test_a_difference_half_as_clear_takes_four_times_the_trials() -> None:
    # One look: 1.6449 + 0.8416 = 2.4865 sds are wanted.
    assert more_to_tell_apart(20, 2.4865, 1) == 1
    assert more_to_tell_apart(20, 2.4865 / 2, 1) == 60
    # Ten looks: 2.5758 + 0.8416 = 3.4174.
    assert more_to_tell_apart(20, 3.4175 / 3, 10) == 160


def test_no_difference_or_one_that_nobody_can_afford_has_no_number() -> None:
    assert more_to_tell_apart(20, 0.0, 5) is None
    assert more_to_tell_apart(20, -1.0, 5) is None
    assert more_to_tell_apart(20, 0.001, 5) is None


def test_with_so_many_trials_the_difference_passes_its_bound_in_four_of_five_studies() -> None:
    # Means of n trials a side, noise sd 1, true difference .5; at 10 trials it lies 1.118 sds off.
    sds = 0.5 / np.sqrt(2 / 10)
    more = more_to_tell_apart(10, sds, 1)
    assert more is not None
    num = 10 + more
    draws = np.random.default_rng(0).normal(0.5, np.sqrt(2 / num), 20_000)
    passed = np.mean(draws > norm.ppf(0.95) * np.sqrt(2 / num))
    assert passed == pytest.approx(0.8, abs=0.02)


def test_a_rank_correlation_takes_what_its_spread_says() -> None:
    # 1 + ((2.5758 + .8416 * .75) / .5)^2 = 42.1, and 1 + ((2.5758 + .8416 * .19) / .9)^2 = 10.2.
    assert more_to_rank(10, 0.5, 0.005) == 33
    assert more_to_rank(8, 0.9, 0.005) == 3
    assert more_to_rank(60, 0.5, 0.005) == 1
    assert more_to_rank(10, 0.0, 0.005) is None


def test_with_so_many_mixtures_the_correlation_is_above_chance_in_four_of_five_studies() -> None:
    more = more_to_rank(10, 0.5, 0.005)
    assert more is not None
    num = 10 + more
    # Pearson's r whose Spearman is .5: 2 sin(pi / 6 .5).
    r = 2 * np.sin(np.pi / 6 * 0.5)
    rng = np.random.default_rng(1)
    found = []
    for _ in range(600):
        x = rng.standard_normal(num)
        y = r * x + np.sqrt(1 - r**2) * rng.standard_normal(num)
        found.append(spearmanr(x, y).statistic > norm.ppf(0.995) / np.sqrt(num - 1))
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_the_most_of_several_shortfalls_counts_and_one_unknown_makes_all_unknown() -> None:
    assert most_of([3, 8]) == 8
    assert most_of([3, None]) is None
    assert most_of([]) is None


def loss(benchmark: str, mean: float, spread: float) -> BenchmarkLoss:
    return BenchmarkLoss(
        benchmark=benchmark,
        baseline="paper",
        mean=mean,
        interval=(mean - 0.1, mean + 0.3),
        spread=spread,
    )


def test_the_worst_benchmark_is_lost_most_in_its_own_spread() -> None:
    losses = [loss("math", 0.2, 1.0), loss("code", 0.1, 0.2), loss("chess", -5.0, 0.1)]
    worst = worst_benchmark(losses, 1.0)
    assert worst is not None
    assert (worst.benchmark, worst.difference) == ("code", 0.1)
    assert worst.interval == pytest.approx((0.0, 0.4))
    # Where more is better, a loss of .1 is a score that is .1 lower.
    worst = worst_benchmark(losses, -1.0)
    assert worst is not None and worst.difference == -0.1
    assert worst.interval == pytest.approx((-0.4, 0.0))


def test_nothing_lost_is_no_worst_benchmark() -> None:
    assert worst_benchmark([loss("math", -0.1, 1.0), loss("flat", 0.1, 0.0)], 1.0) is None
