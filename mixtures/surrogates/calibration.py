"""How wide the posterior really is, learned from the trials that were left out.

Three factors on sds. `common`: metrics of one run err together, so that the error of their sum is
larger than that of a sum of independent ones; it is the ratio of the two, over left-out trials.
`process` and `noise`: the posteriors' own width and the trials' noise may both be misjudged, in
different directions. Where noise is small, left-out errors tell the first; where it is large they
tell the second and say little of the first, and one factor for both would let the noise set the
width of a curve. So each has a log-normal prior with median 1, and the posterior mean of its
logarithm is taken over a grid. A process is never taken to be less than .7 times as wide as it
says: left-out folds are extrapolations, where it is rightly careful. Last, variances known from few
trials give Student's tails and not normal ones, so all is widened by the ratio of their 95 %
points.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t

from mixtures.surrogates.seam import Array

# How many trials' worth of belief independence starts with.
INDEPENDENT_TRIALS = 4.0
# Sds of the logarithms. In simulated studies the process's own width was off by .7 to 1.3; the
# noise has been learned already.
PROCESS_SD, NOISE_SD = 0.35, 0.3
PROCESS_FACTORS = np.geomspace(0.7, 5.0, 41)
NOISE_FACTORS = np.geomspace(0.4, 2.5, 17)


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Factors on sds: of the noise-free objective, and of one run's noise."""

    process: float
    noise: float


def calibrate(weights: Array, errors: Array, variances: Array, noises: Array) -> Calibration:
    """From M metrics on N left-out trials: errors, variances of f, variances of noise, (M, N) each.

    `weights` (M,) are the metrics' in the sum.
    """
    if errors.size == 0:
        return Calibration(process=1.0, noise=1.0)
    process, noise = weights**2 @ variances, weights**2 @ noises
    total = process + noise
    together = (weights @ errors) ** 2 / total
    apart = (weights**2 @ errors**2) / total
    common = (INDEPENDENT_TRIALS + together.sum()) / (INDEPENDENT_TRIALS + apart.sum())

    a, b = np.log(PROCESS_FACTORS), np.log(NOISE_FACTORS)
    expected = common * (
        PROCESS_FACTORS[:, None, None] ** 2 * process + NOISE_FACTORS[:, None] ** 2 * noise
    )
    density = -0.5 * np.sum(np.log(expected) + (weights @ errors) ** 2 / expected, axis=2)
    density -= 0.5 * ((a / PROCESS_SD)[:, None] ** 2 + (b / NOISE_SD) ** 2)
    probability = np.exp(density - density.max())
    probability /= probability.sum()
    degrees = max(errors.shape[1] - 2, 1)
    tails = float(student_t.ppf(0.975, degrees) / norm.ppf(0.975))
    return Calibration(
        process=float(tails * np.sqrt(common) * np.exp(probability.sum(axis=1) @ a)),
        noise=float(tails * np.sqrt(common) * np.exp(probability.sum(axis=0) @ b)),
    )
