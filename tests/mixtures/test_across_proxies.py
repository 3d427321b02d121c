"""Small proxies against large ones, on sweeps whose curves are known."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from mixtures.across_proxies import (
    FULL_PARAMETERS,
    ProxyStudy,
    across_proxies,
    bootstrap_spearman,
    row_spearman,
)
from mixtures.recommendation import NotEnoughTrials
from mixtures.value import InvalidField
from tests.mixtures.share_study import SWEEP, make_study, observe


def proxy_study(
    name: str, parameters: int, best: float, shares: tuple[float, ...] = SWEEP
) -> ProxyStudy:
    study = make_study(("math",), name=name)
    rng = np.random.default_rng(parameters)
    trials = tuple(
        observe(study, share, seed, math=(share - best) ** 2 + 0.004 * rng.standard_normal())
        for seed in (0, 1)
        for share in shares
    )
    return ProxyStudy(id=name, study=study, observations=trials, parameters=parameters)


def test_the_full_model_has_the_papers_parameters() -> None:
    assert FULL_PARAMETERS == 1_151_485_440


def test_rows_are_correlated_one_by_one() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 5, 9))
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert row_spearman(first, second) == pytest.approx(np.array(expected))


def test_the_bootstrap_of_columns_that_agree_is_one_and_of_noise_holds_zero() -> None:
    x = np.arange(12.0)
    assert bootstrap_spearman(x, x**3) == pytest.approx((1.0, 1.0))
    low, high = bootstrap_spearman(x, np.random.default_rng(3).standard_normal(12)) or (1, 1)
    assert low < 0 < high
    assert bootstrap_spearman(x, np.ones(12)) is None


def test_a_pair_says_how_alike_they_order_and_what_the_small_ones_choice_loses() -> None:
    small, large = proxy_study("pico", 400_000, 0.5), proxy_study("nano", 6_000_000, 0.8)
    found = across_proxies([large, small])
    assert [one.study_id for one in found.studies] == ["pico", "nano"]
    assert found.studies[0].best_sft_share == pytest.approx(0.5, abs=0.05)
    (pair,) = found.pairs
    assert (pair.smaller, pair.larger, pair.num_mixtures) == ("pico", "nano", 12)
    truth = [[(share - best) ** 2 for share in SWEEP] for best in (0.5, 0.8)]
    rho = spearmanr(*truth).statistic
    assert pair.posterior_spearman == pytest.approx(rho, abs=0.1)
    low, high = pair.posterior_spearman_interval
    assert low <= rho <= high
    assert pair.spearman == pytest.approx(rho, abs=0.15)
    # At .5 the larger one loses .09 against its best tried share, .8.
    assert pair.choice["chat"] + pair.choice["proofs"] == pytest.approx(0.5)
    assert pair.regret == pytest.approx(0.09, abs=0.01)
    assert pair.regret_interval[0] < 0.09 < pair.regret_interval[1]
    assert pair.probability_same_best < 0.01
    median = np.median(truth[1])
    assert pair.relative_regret == pytest.approx(0.09 / median, abs=0.1)


def test_two_sizes_give_no_extrapolation_and_say_why() -> None:
    found = across_proxies([proxy_study("a", 400_000, 0.5), proxy_study("b", 6_000_000, 0.6)])
    assert found.extrapolation is None
    assert found.no_extrapolation is not None
    assert "2 sizes with a best SFT share, expected 3 or more" in found.no_extrapolation


def test_three_sizes_carry_the_best_share_to_the_full_model() -> None:
    found = across_proxies(
        [
            proxy_study("pico", 400_000, 0.5),
            proxy_study("nano", 6_000_000, 0.55),
            proxy_study("tiny", 54_000_000, 0.6),
        ]
    )
    assert found.no_extrapolation is None
    assert found.extrapolation is not None
    assert len(found.pairs) == 3
    # The line through the true angles, at the paper's size.
    sizes = np.log10([400_000, 6_000_000, 54_000_000])
    line = np.polyfit(sizes, np.arcsin(np.sqrt([0.5, 0.55, 0.6])), 1)
    expected = np.sin(np.polyval(line, np.log10(FULL_PARAMETERS))) ** 2
    assert found.extrapolation.sft_share == pytest.approx(expected, abs=0.06)
    low, high = found.extrapolation.interval
    assert low < expected < high
    assert found.extrapolation.parameters == FULL_PARAMETERS


def test_what_cannot_be_compared_is_refused_with_the_reason() -> None:
    one = proxy_study("a", 400_000, 0.5)
    with pytest.raises(InvalidField, match="two different studies"):
        across_proxies([one, one])
    other = proxy_study("b", 6_000_000, 0.5)
    elsewhere = ProxyStudy(
        id="c", study=make_study(("code",)), observations=(), parameters=1_000_000
    )
    with pytest.raises(InvalidField, match="c has other weights of benchmarks than a"):
        across_proxies([one, elsewhere])
    apart = proxy_study("d", 6_000_000, 0.5, shares=(0.03, 0.13, 0.23, 0.33, 0.43))
    with pytest.raises(NotEnoughTrials, match="a and d have 0 mixtures with scores in common"):
        across_proxies([one, apart])
    few = proxy_study("e", 6_000_000, 0.5, shares=(0.0, 0.5))
    with pytest.raises(NotEnoughTrials, match="study e: this needs completed trials at 4"):
        across_proxies([other, few])
