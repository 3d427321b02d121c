"""The best SFT share of several proxies, carried to the size of the full model.

The model is a straight line in the logarithm of the size, and says so:

    angle_g = a + b log10(N_g) + u_g + e_g,   angle = arcsin(sqrt(share))

e_g is the proxy's own posterior error, in which the noise of its seeds is; u_g ~ N(0, tau^2) is
how far the sizes lie off any line, which three points tell next to nothing of, so tau has a
half-normal prior of scale TAU_SCALE and is integrated out on a grid, as in a random-effects
meta-regression (Higgins, Thompson & Spiegelhalter 2009, JRSS A 172(1), 137-159). a and b have flat
priors. The angle is that of `surrogates/share_gp.py`: it stretches the ends, and the answer stays
within 0 and 1.

No published study says how the best share goes with size: the paper's two proxies are said to agree
on 60 to 69 %, which is .09 in angle from end to end (arXiv 2412.19638, section 2.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.seam import Array
from mixtures.value import Share, Value

Interval = tuple[float, float]
FEWEST_SIZES = 3
TAU_SCALE = 0.1
TAUS = np.linspace(0.0, 0.4, 41)
# The best share of a draw is read off a grid: no posterior is narrower than its step.
LEAST_SD = 0.01
NUM_DRAWS, SEED = 20_000, 0
MODEL = "arcsin(sqrt(best SFT share)) is linear in log10(parameters), with scatter between sizes"


class Extrapolation(Value):
    """The best SFT share at `parameters`, with a 95 % interval.

    `slope` is of the angle in radians for a model ten times as large, `probability_up` that the
    best share grows with size. `scatter` is the posterior mean of how far, in angle, sizes lie off
    the line. `tenfold_steps` is how far beyond the largest proxy the full model is, in powers of
    ten; the proxies themselves span `tenfold_steps_seen`.
    """

    model: str
    parameters: int
    sft_share: Share
    interval: Interval
    slope: float
    slope_interval: Interval
    probability_up: float
    scatter: float
    tenfold_steps: float
    tenfold_steps_seen: float
    note: str


def extrapolation_of(known: Sequence[tuple[int, Array]], full_parameters: int) -> Extrapolation:
    """`known` are (parameters, draws of the best share (S,)), at three different sizes or more."""
    sizes = np.log10([float(parameters) for parameters, _ in known])
    angles = [np.arcsin(np.sqrt(draws)) for _, draws in known]
    means = np.array([one.mean() for one in angles])
    sds = np.maximum([one.std() for one in angles], LEAST_SD)
    full = float(np.log10(full_parameters))
    line = meta_regression(sizes - full, means, sds)
    rng = np.random.default_rng(SEED)
    picked = rng.choice(len(TAUS), size=NUM_DRAWS, p=line.weights)
    normal = rng.standard_normal((NUM_DRAWS, 3))
    # The level's error and the slope's go together; the full model is off the line as well.
    roots = np.linalg.cholesky(line.covariances)
    both = line.coefficients[picked] + np.einsum("sij,sj->si", roots[picked], normal[:, :2])
    at_full = np.clip(both[:, 0] + TAUS[picked] * normal[:, 2], 0.0, np.pi / 2)
    level, slope = line.weights @ line.coefficients
    low, high = np.sin(np.quantile(at_full, [0.025, 0.975])) ** 2
    slopes = np.quantile(both[:, 1], [0.025, 0.975])
    beyond, seen = float(full - sizes.max()), float(np.ptp(sizes))
    return Extrapolation(
        model=MODEL,
        parameters=full_parameters,
        sft_share=float(np.sin(np.clip(level, 0.0, np.pi / 2)) ** 2),
        interval=(float(low), float(high)),
        slope=float(slope),
        slope_interval=(float(slopes[0]), float(slopes[1])),
        probability_up=float(np.mean(both[:, 1] > 0)),
        scatter=float(line.weights @ TAUS),
        tenfold_steps=beyond,
        tenfold_steps_seen=seen,
        note=(
            f"The proxies span {seen:.1f} powers of ten in size, and the full model lies "
            f"{max(beyond, 0.0):.1f} beyond the largest: a straight line is an assumption there."
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """For each of the TAUS: its posterior weight, level and slope (T, 2), and their (T, 2, 2)
    covariance.
    """

    weights: Array
    coefficients: Array
    covariances: Array


def meta_regression(sizes: Array, means: Array, sds: Array) -> Line:
    """Of G angles (G,) at `sizes` (G,), which are not all alike; the level is that at size 0."""
    design = np.column_stack([np.ones(len(sizes)), sizes])
    logs, coefficients, covariances = [], [], []
    for tau in TAUS:
        precision = 1.0 / (sds**2 + tau**2)
        information = design.T @ (precision[:, None] * design)
        covariance = np.linalg.inv(information)
        found = covariance @ (design.T @ (precision * means))
        errors = means - design @ found
        logs.append(
            0.5 * np.log(precision).sum()
            - 0.5 * float(np.linalg.slogdet(information)[1])
            - 0.5 * float(precision @ errors**2)
            - 0.5 * (tau / TAU_SCALE) ** 2
        )
        coefficients.append(found)
        covariances.append(covariance)
    weights = np.exp(np.array(logs) - max(logs))
    return Line(
        weights=weights / weights.sum(),
        coefficients=np.array(coefficients),
        covariances=np.array(covariances),
    )
