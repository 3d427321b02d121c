"""How wide the posterior really is, learned from the trials that were left out.

Three factors on sds. `common`: metrics of one run err together, so that the error of their sum is
larger than that of a sum of independent ones; it is the ratio of the two, over left-out trials.
`process` and `noise`: the posteriors' own width and the trials' noise may both be misjudged, and in
different directions, because a hyperparameter's most probable value calls some noise signal: in
simulated studies of 5 and 20 sources the noise came out at .85 and .75 of its sd, the process at
1.4 and 1.6. Left-out errors tell the sum of the two. What tells them apart is how the errors differ
between well and badly known mixtures, repeats of a mixture where there are any (their variance is
noise alone), and log-normal priors. Both are found on a grid. Variances are averaged over it, so
that a width that few trials tell is the wider for it, and how far the process's factor is still
unknown gives draws the tails of Student's t.
"""

import math
from dataclasses import dataclass

import numpy as np

from mixtures.noise import trigamma_inverse
from mixtures.surrogates.seam import Array

# How many trials' worth of belief independence starts with.
INDEPENDENT_TRIALS = 4.0
# Medians and sds of the logarithms.
PROCESS_MEDIAN, PROCESS_SD = 1.0, 0.4
NOISE_MEDIAN, NOISE_SD = 1.2, 0.3
PROCESS_FACTORS = np.geomspace(0.15, 5.0, 61)
NOISE_FACTORS = np.geomspace(0.4, 3.0, 31)
# Student's t has a variance from 2 on.
LEAST_DF = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Factors on sds: of the noise-free objective, and of one run's noise. `df` are the degrees of
    freedom with which the first is known.
    """

    process: float
    noise: float
    df: float = math.inf


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeats:
    """What repeated runs say of the noise: its variance against the learned one, and with how many
    degrees of freedom it is known; 0 where nothing was repeated.
    """

    ratio: float
    df: float


NO_REPEATS = Repeats(ratio=1.0, df=0.0)


def calibrate(
    weights: Array,
    errors: Array,
    variances: Array,
    noises: Array,
    repeats: Repeats = NO_REPEATS,
) -> Calibration:
    """From M metrics on N left-out trials: errors, variances of f, variances of noise, (M, N) each.

    `weights` (M,) are the metrics' in the sum; `repeats` are of the sum.
    """
    if errors.size == 0:
        return Calibration(process=1.0, noise=1.0)
    process, noise = weights**2 @ variances, weights**2 @ noises
    total = process + noise
    together = (weights @ errors) ** 2 / total
    apart = (weights**2 @ errors**2) / total
    common = (INDEPENDENT_TRIALS + together.sum()) / (INDEPENDENT_TRIALS + apart.sum())

    expected = common * (
        PROCESS_FACTORS[:, None, None] ** 2 * process + NOISE_FACTORS[:, None] ** 2 * noise
    )
    density = -0.5 * np.sum(np.log(expected) + (weights @ errors) ** 2 / expected, axis=2)
    density -= 0.5 * (np.log(PROCESS_FACTORS / PROCESS_MEDIAN)[:, None] / PROCESS_SD) ** 2
    density -= 0.5 * (np.log(NOISE_FACTORS / NOISE_MEDIAN) / NOISE_SD) ** 2
    # A variance of normal numbers is a chi square's, with its degrees of freedom.
    of_noise = NOISE_FACTORS**2
    density -= 0.5 * repeats.df * (np.log(of_noise) + repeats.ratio / of_noise)
    probability = np.exp(density - density.max())
    probability /= probability.sum()
    of_process = probability.sum(axis=1)
    return Calibration(
        process=float(np.sqrt(common * (of_process @ PROCESS_FACTORS**2))),
        noise=float(np.sqrt(common * (probability.sum(axis=0) @ NOISE_FACTORS**2))),
        df=_degrees(of_process),
    )


def _degrees(probability: Array) -> float:
    """Of the inverse chi square whose logarithm varies as that of the process's variance does."""
    logs = 2.0 * np.log(PROCESS_FACTORS)
    spread = float(probability @ (logs - probability @ logs) ** 2)
    return max(2.0 * trigamma_inverse(spread), LEAST_DF)
