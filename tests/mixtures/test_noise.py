import math

import numpy as np
import pytest
from scipy import stats

from mixtures.noise import Uncertainty, Variance, fit_prior, moderated, seed_noise, trigamma_inverse


@pytest.mark.parametrize(
    ("y", "trigamma"),
    [
        (1.0, math.pi**2 / 6),
        (0.5, math.pi**2 / 2),
        (2.0, math.pi**2 / 6 - 1),
        # Asymptotic ends: 1/y^2 below, 1/y above.
        (1e-4, 1e8),
        (1e7, 1e-7),
    ],
)
def test_trigamma_inverse_undoes_known_values_of_trigamma(y: float, trigamma: float) -> None:
    assert trigamma_inverse(trigamma) == pytest.approx(y, rel=1e-4)


def test_prior_of_two_variances_is_what_the_formula_gives_by_hand() -> None:
    # With d = 2, digamma(1) cancels and trigamma(1) is pi^2 / 6. The logarithms a and -a have the
    # variance 2 a^2 = pi^2 / 3: one pi^2 / 6 is left for trigamma(d0 / 2), so d0 = 2, and s0^2 is
    # the geometric mean, 1.
    a = math.pi / math.sqrt(6)
    d0, s0_sq = fit_prior([math.exp(a), math.exp(-a)], [2, 2])
    assert d0 == pytest.approx(2.0, rel=1e-6)
    assert s0_sq == pytest.approx(1.0, rel=1e-6)


def test_prior_recovers_what_variances_were_drawn_from() -> None:
    rng = np.random.default_rng(0)
    true = 0.04 * 8 / rng.chisquare(8, size=4000)
    d0, s0_sq = fit_prior(list(true * rng.chisquare(3, size=4000) / 3), [3] * 4000)
    assert d0 == pytest.approx(8, rel=0.15)
    assert s0_sq == pytest.approx(0.04, rel=0.05)


def test_equal_variances_are_pooled_by_their_degrees_of_freedom() -> None:
    assert fit_prior([2.0, 2.0, 2.0], [1, 2, 3]) == pytest.approx((math.inf, 2.0))
    assert fit_prior([1.0, 1.2], [1, 3]) == pytest.approx((math.inf, 1.15))


def test_a_single_variance_is_its_own_prior() -> None:
    assert fit_prior([0.3], [2]) == pytest.approx((math.inf, 0.3))


def test_zero_variances_neither_fail_nor_pull_the_prior_to_zero() -> None:
    d0, s0_sq = fit_prior([0.0, 1.0, 1.0, 1.0], [4, 4, 4, 4])
    assert 0 < d0 < math.inf
    assert 0.001 < s0_sq < 1.0
    assert fit_prior([0.0, 0.0], [1, 1]) == (math.inf, 0.0)


def test_moderated_variance_weighs_prior_and_sample_by_degrees_of_freedom() -> None:
    variance = moderated(4.0, 2, prior=(6.0, 1.0), max_df=100)
    assert variance.value == pytest.approx((6 * 1.0 + 2 * 4.0) / 8)
    assert variance.df == 8
    assert moderated(4.0, 2, prior=(6.0, 1.0), max_df=5).df == 5


def test_infinite_prior_gives_the_pooled_variance_on_all_degrees_of_freedom() -> None:
    variance = moderated(4.0, 2, prior=(math.inf, 1.5), max_df=12)
    assert (variance.value, variance.df) == (1.5, 12)


def test_seed_noise_of_two_by_two_is_what_the_additive_model_gives_by_hand() -> None:
    # Seed effects -1 and 1 (variance 2), residuals .5 and -.5 for each mixture on half a degree of
    # freedom: own variances of 1. An effect is a mean of two trials: 1 / 2 of its variance is own.
    noise = seed_noise({("a", 0): 1.0, ("a", 1): 2.0, ("b", 0): 3.0, ("b", 1): 6.0})
    assert noise is not None
    assert (noise.shared.value, noise.shared.df) == pytest.approx((1.5, 1))
    assert noise.own["a"].value == pytest.approx(1.0)
    assert noise.own["a"].df == pytest.approx(1.0)
    t = stats.t.ppf(0.975, 1)
    mean = noise.of_mean("a", range(2))
    assert mean.variance == pytest.approx((1.5 + 1) / 2)
    assert mean.half_width(0.95) == pytest.approx(t * math.sqrt(2.5 / 2))
    paired = noise.of_paired_difference("a", "b", range(2))
    assert paired.variance == pytest.approx((1 + 1) / 2)
    assert paired.half_width(0.95) == pytest.approx(t)
    unpaired = noise.of_unpaired_difference("a", (0, 1), "b", (0,))
    assert unpaired.variance == pytest.approx(2.5 / 2 + 2.5)


def test_bounds_of_parts_add_in_squares() -> None:
    parts = (Variance(value=4.0, df=1), Variance(value=9.0, df=8))
    expected = math.hypot(2 * stats.t.ppf(0.99, 1), 3 * stats.t.ppf(0.99, 8))
    assert Uncertainty(parts=parts).bound(0.99) == pytest.approx(expected)


def test_one_repeated_mixture_gives_the_plain_t_interval() -> None:
    values = [1.0, 1.3, 1.9]
    noise = seed_noise({("a", seed): value for seed, value in enumerate(values)} | {("b", 0): 5.0})
    assert noise is not None
    reference = stats.t.interval(0.95, df=2, loc=np.mean(values), scale=stats.sem(values))
    half = noise.of_mean("a", range(3)).half_width(0.95)
    assert (np.mean(values) - half, np.mean(values) + half) == pytest.approx(reference)
    # The other one borrows: the same variance, of a mean over one seed.
    borrowed = noise.of_mean("b", range(1))
    assert borrowed.variance == pytest.approx(np.var(values, ddof=1))
    assert borrowed.half_width(0.95) == pytest.approx(half * math.sqrt(3))


def test_mixtures_on_wholly_different_seeds_give_their_raw_variances_pooled() -> None:
    noise = seed_noise({("a", 0): 1.0, ("a", 1): 3.0, ("b", 2): 5.0, ("b", 3): 7.0})
    assert noise is not None
    expected = stats.t.ppf(0.975, 2) * math.sqrt(2.0 / 2)
    assert noise.of_mean("a", range(2)).half_width(0.95) == pytest.approx(expected)


def test_no_repeats_and_no_values_give_no_noise() -> None:
    assert seed_noise({("a", 0): 1.0, ("b", 0): 2.0, ("c", 1): 2.0}) is None
    assert seed_noise({}) is None


def test_equal_repeats_give_zero_noise_and_not_rounding() -> None:
    noise = seed_noise({(m, s): 0.1 * m for m in range(5) for s in range(3)})
    assert noise is not None
    assert noise.of_mean(1, range(3)).half_width(0.95) == 0.0
    assert noise.of_paired_difference(0, 1, range(3)).half_width(0.95) == 0.0


def test_a_seed_effect_common_to_all_mixtures_counts_once_in_the_mean() -> None:
    # Twelve variances that show the same two seeds are one look at them: moderated without taking
    # the seeds out they claim 12 degrees of freedom and cover 73 %.
    rng = np.random.default_rng(1)
    covered, num_studies = 0, 300
    for _ in range(num_studies):
        y = rng.standard_normal(2) + 0.1 * rng.standard_normal((12, 2))
        noise = seed_noise({(m, s): y[m, s] for m in range(12) for s in range(2)})
        assert noise is not None
        covered += abs(y[0].mean()) <= noise.of_mean(0, range(2)).half_width(0.95)
    assert 0.92 <= covered / num_studies <= 0.98


def test_paired_differences_do_not_see_the_seeds() -> None:
    rng = np.random.default_rng(2)
    y = rng.standard_normal((6, 2))
    here = seed_noise({(m, s): y[m, s] for m in range(6) for s in range(2)})
    there = seed_noise({(m, s): y[m, s] + 100 * s for m in range(6) for s in range(2)})
    assert here is not None and there is not None
    a, b = here.of_paired_difference(0, 3, range(2)), there.of_paired_difference(0, 3, range(2))
    assert a.half_width(0.95) == pytest.approx(b.half_width(0.95))
