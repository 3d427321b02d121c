"""What every Gaussian process over mixtures here has in common, whatever its features and kernel.

The Matern 5/2 correlation (Rasmussen & Williams 2006, equation 4.17), the priors that published
runs taught (FACTS, section 6), and the inverse that the gradient of the marginal likelihood needs.
Hyperparameters are logarithms with normal priors; targets are standardised.
"""

import numpy as np

from mixtures.late_scipy import inverse_half
from mixtures.surrogates.seam import Array

ROOT5 = float(np.sqrt(5.0))
# Of the level, in units of the target's variance: the mean of few trials is not the mean of all.
LEVEL_VARIANCE = 0.3
# Medians and sds (in log): lengths in units of the median distance between trials, variances in
# those of the target.
LENGTH_MEDIAN, LENGTH_SD = 1.2, 1.0
SIGNAL_MEDIAN, SIGNAL_SD = 1.0, 1.0
NOISE_MEDIAN, NOISE_SD = 0.1, 1.5
# Repeats say what noise is at the mixtures that were repeated; others may be noisier.
REPEAT_NOISE_SD = 0.3
# Repeats that agree to the last digit would make the covariance singular.
LEAST_NOISE = 1e-6


def squared_distances(a: Array, b: Array) -> Array:
    """(A, B) between the rows of `a` (A, K) and `b` (B, K)."""
    squares = np.sum(a * a, axis=1)[:, None] + np.sum(b * b, axis=1) - 2.0 * (a @ b.T)
    distances: Array = np.maximum(squares, 0.0)
    return distances


def matern(r: Array) -> Array:
    """The correlation at `r`, sqrt(5) times a distance in length-scales."""
    correlation: Array = (1.0 + r + r * r / 3.0) * np.exp(-r)
    return correlation


def noise_prior(variance: float, df: float, scale: float) -> tuple[float, float]:
    """Mean and sd of the logarithm of one trial's noise variance, in units of `scale` squared.

    That of repeats where they tell it (`variance`, known with `df` degrees of freedom): its
    logarithm has a variance of about 2 / df.
    """
    if not (df > 0 and variance > 0):
        return float(np.log(NOISE_MEDIAN)), NOISE_SD
    return (
        float(np.log(max(variance / scale**2, LEAST_NOISE))),
        float(np.hypot(np.sqrt(2.0 / df), REPEAT_NOISE_SD)),
    )


def inverse_of(factor: Array) -> Array:
    """(N, N): the inverse of L L', by LAPACK's potri, twice as fast as solving for the identity."""
    lower = inverse_half(factor)
    inverse: Array = np.tril(lower) + np.tril(lower, -1).T
    return inverse
