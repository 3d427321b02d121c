"""Mixtures and seeds apart, against least squares over both and by hand."""

import numpy as np
import pytest

from mixtures.additive import fit_additive


def test_two_mixtures_on_two_seeds_leave_one_degree_of_freedom() -> None:
    # Means 2 and 5; the seeds lie at -1 and +1 of one mixture, at -2 and +2 of the other: by 1.5
    # on average, and half a unit is left at each.
    fit = fit_additive(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([1.0, 3, 3, 7]))
    assert fit.effects == pytest.approx([-1.5, 1.5])
    assert fit.left == pytest.approx([0.5, -0.5, -0.5, 0.5])
    assert fit.df == pytest.approx([0.25] * 4)


def test_a_mixture_that_ran_once_says_nothing_of_seeds() -> None:
    fit = fit_additive(np.array([0, 1, 2]), np.array([0, 1, 0]), np.array([1.0, 5.0, 9.0]))
    assert fit.left.tolist() == fit.df.tolist() == [0.0, 0.0, 0.0]
    assert fit.effects.tolist() == [0.0, 0.0]


def test_residuals_and_leverages_are_those_of_least_squares_over_mixtures_and_seeds() -> None:
    rng = np.random.default_rng(0)
    mixtures, seeds = rng.integers(0, 9, 30), rng.integers(0, 4, 30)
    mixtures = np.unique(mixtures, return_inverse=True)[1]
    values = rng.standard_normal(30)
    design = np.zeros((30, mixtures.max() + 1 + 4))
    design[np.arange(30), mixtures] = 1.0
    design[np.arange(30), mixtures.max() + 1 + seeds] = 1.0
    hat = design @ np.linalg.pinv(design)
    fit = fit_additive(mixtures, seeds, values)
    assert fit.left == pytest.approx(values - hat @ values)
    assert fit.df == pytest.approx(1.0 - np.diag(hat))
