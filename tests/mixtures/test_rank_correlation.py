"""Spearman's rank correlation against scipy's, ties included, and where there is none."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from mixtures.rank_correlation import rank_correlation


@pytest.mark.parametrize("num_values", [3, 1000])
def test_it_is_scipys_with_ties_and_without(num_values: int) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, num_values, 200).astype(float)
    b = a + rng.normal(0, num_values, 200)
    found = rank_correlation(a, b)
    assert found == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
    assert found != pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-3)


def test_what_has_no_order_has_no_correlation() -> None:
    few, same = np.array([1.0]), np.array([2.0, 2.0, 2.0])
    assert rank_correlation(few, few) is None
    assert rank_correlation(same, np.array([1.0, 2.0, 3.0])) is None
