"""The floor of evidence: what chance gives, by formula and by permutation."""

import numpy as np
import pytest

from mixtures.own_evidence import chance_correlation, evidence_of, rank_correlation
from mixtures.surrogates.calibration import Calibration
from mixtures.surrogates.objective_fit import ObjectiveFit
from mixtures.surrogates.seam import Array


def fit_of(targets: Array, predicted: Array) -> ObjectiveFit:
    return ObjectiveFit(
        names=(),
        stacks=(),
        rows=(),
        weights=np.zeros(0),
        constant=0.0,
        targets=targets,
        out_of_fold=predicted,
        out_of_fold_sd=np.full(len(targets), 0.5),
        calibration=Calibration(process=1.0, noise=1.0),
    )


def test_chance_alone_exceeds_the_bound_once_in_200_times() -> None:
    rng = np.random.default_rng(0)
    order = np.arange(30.0)
    found = [rank_correlation(order, rng.permutation(order)) or 0.0 for _ in range(4_000)]
    assert np.mean(np.array(found) > chance_correlation(30)) == pytest.approx(0.005, abs=0.004)


def test_rank_correlation_by_hand() -> None:
    # Ranks 1 2 3 4 against 2 1 3 4: 1 - 6 * 2 / (4 * 15).
    assert rank_correlation(np.array([1.0, 2, 3, 4]), np.array([5.0, 1, 6, 7])) == pytest.approx(
        0.8
    )
    assert rank_correlation(np.ones(4), np.arange(4.0)) is None


def test_good_predictions_of_a_dozen_mixtures_are_enough() -> None:
    targets = np.arange(12.0)
    found = evidence_of(fit_of(targets, targets + 0.1), num_tied=2, pool_size=12)
    assert found.is_enough
    assert found.spearman == pytest.approx(1.0)
    assert found.coverage == 1.0
    assert found.r_squared == pytest.approx(1.0 - 0.01 / np.var(targets))


@pytest.mark.parametrize(
    ("targets", "predicted", "num_tied", "words"),
    [
        (np.arange(6.0), np.arange(6.0), 1, "6 mixtures with all scores"),
        (np.ones(12), np.ones(12), 1, "the same at all mixtures"),
        (np.arange(12.0), np.arange(12.0)[::-1], 1, "chance alone"),
        (np.arange(12.0), 100.0 * np.arange(12.0), 1, "no better than by their mean"),
        (np.arange(12.0), np.arange(12.0), 12, "no mixture can be told from the best"),
    ],
)
def test_what_is_missing_is_said(
    targets: Array, predicted: Array, num_tied: int, words: str
) -> None:
    found = evidence_of(fit_of(targets, predicted), num_tied=num_tied, pool_size=12)
    assert not found.is_enough
    assert any(words in shortfall for shortfall in found.shortfalls)


def test_trials_without_an_objective_do_not_count() -> None:
    targets = np.arange(12.0)
    targets[:6] = np.nan
    assert evidence_of(fit_of(targets, targets), 1, 12).num_mixtures == 6
