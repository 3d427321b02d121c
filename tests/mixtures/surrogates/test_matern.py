"""What the processes share, against scikit-learn, NumPy and hand-made numbers."""

import math

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import Matern

from mixtures.surrogates.matern import (
    NOISE_MEDIAN,
    NOISE_SD,
    ROOT5,
    inverse_of,
    matern,
    noise_prior,
    squared_distances,
)


def test_the_correlation_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((5, 3)), rng.random((4, 3))
    ours = matern(ROOT5 * np.sqrt(squared_distances(a, b)))
    assert ours == pytest.approx(Matern(length_scale=1.0, nu=2.5)(a, b), abs=1e-12)


def test_a_point_is_no_distance_from_itself_though_rounding_says_less() -> None:
    a = np.full((1, 3), 0.1) + np.arange(50)[:, None] / 7
    assert (squared_distances(a, a) >= 0.0).all()


def test_the_inverse_of_a_factor_is_the_matrix_inverse() -> None:
    root = np.random.default_rng(1).random((6, 6))
    matrix = root @ root.T + np.eye(6)
    assert inverse_of(np.linalg.cholesky(matrix)) == pytest.approx(np.linalg.inv(matrix), abs=1e-12)


def test_noise_is_what_repeats_say_and_else_a_tenth() -> None:
    assert noise_prior(0.0, 0.0, 2.0) == (pytest.approx(math.log(NOISE_MEDIAN)), NOISE_SD)
    # A variance of .4 in units of scale 2 squared; the log's own variance 2 / 8, and .3 squared.
    center, sd = noise_prior(0.4, 8.0, 2.0)
    assert center == pytest.approx(math.log(0.1))
    assert sd == pytest.approx(math.sqrt(0.25 + 0.09))
