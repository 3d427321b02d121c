"""The objective's posterior: a weighted sum of metrics, each with a stack of its own.

Fitted per metric and then summed, because a sum of simple laws is no simple law: the exponential
law ranks at .84 fitted to 13 losses and then averaged, at .39 fitted to their average (FACTS,
section 6).

The metrics' errors are not independent, and no posterior of 30 trials knows its own width. Both
are mended by one number, `inflation`: by how much the errors of left-out trials exceed what the
metrics' posteriors, taken as independent, say. It scales every sd by the same factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from mixtures.surrogates.seam import Array, Rows
from mixtures.surrogates.stack import StackFit

CONFIDENCE = 0.95
# How many trials' worth of belief the posteriors' own width starts with.
PRIOR_TRIALS = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveFit:
    """`rows[k]` are the trials that metric k has, `weights` (M,) the metrics' in the sum, to which
    `constant` is added.

    `targets`, `out_of_fold` and `out_of_fold_sd` (N,) are of the sum, NaN where a metric is
    missing; the sd is of a new ordinary trial's score, calibrated.
    """

    names: tuple[str, ...]
    stacks: tuple[StackFit, ...]
    rows: tuple[Rows, ...]
    weights: Array
    constant: float
    targets: Array
    out_of_fold: Array
    out_of_fold_sd: Array
    inflation: float

    @property
    def noise_sd(self) -> float:
        """Of one ordinary trial's objective."""
        variance = sum(
            weight**2 * stack.noise_variance
            for weight, stack in zip(self.weights, self.stacks, strict=True)
        )
        return float(self.inflation * np.sqrt(variance))

    def predict(self, shares: Array) -> tuple[Array, Array]:
        """Mean and sd (P,) of the noise-free objective."""
        mean, variance = np.full(len(shares), self.constant), np.zeros(len(shares))
        for weight, stack in zip(self.weights, self.stacks, strict=True):
            of_metric = stack.predict(shares)
            mean += weight * of_metric[0]
            variance += weight**2 * of_metric[1] ** 2
        return mean, self.inflation * np.sqrt(variance)

    def joint(self, shares: Array) -> tuple[Array, Array]:
        """Mean (P,) and covariance (P, P) of the noise-free objective."""
        mean = np.full(len(shares), self.constant)
        covariance = np.zeros((len(shares), len(shares)))
        for weight, stack in zip(self.weights, self.stacks, strict=True):
            of_metric = stack.joint(shares)
            mean += weight * of_metric[0]
            covariance += weight**2 * of_metric[1]
        return mean, self.inflation**2 * covariance


def combine(
    stacks: Mapping[str, StackFit],
    rows: Mapping[str, Rows],
    weights: Mapping[str, float],
    num_trials: int,
    constant: float = 0.0,
) -> ObjectiveFit:
    """The sum of the metrics, calibrated on the trials that have all of them."""
    targets = np.full(num_trials, constant)
    mean, variance = targets.copy(), np.zeros(num_trials)
    for name, stack in stacks.items():
        absent = np.ones(num_trials, dtype=bool)
        absent[rows[name]] = False
        targets[absent] = mean[absent] = variance[absent] = np.nan
        targets[rows[name]] += weights[name] * stack.trials.targets
        mean[rows[name]] += weights[name] * stack.out_of_fold
        variance[rows[name]] += weights[name] ** 2 * stack.out_of_fold_variance
    whole = np.isfinite(targets) & (variance > 0)
    factor = inflation((targets - mean)[whole] / np.sqrt(variance[whole]))
    return ObjectiveFit(
        names=tuple(stacks),
        stacks=tuple(stacks.values()),
        rows=tuple(rows[name] for name in stacks),
        weights=np.array([weights[name] for name in stacks]),
        constant=constant,
        targets=targets,
        out_of_fold=mean,
        out_of_fold_sd=factor * np.sqrt(variance),
        inflation=factor,
    )


def inflation(scores: Array) -> float:
    """The factor on sds after which 95 % intervals hold 95 % of the standardised errors `scores`.

    The larger of two estimates: the root mean square, drawn to 1, which is efficient and blind to
    tails, and the (n + 1)(95 %)-th smallest absolute score against 1.96, which is the split-
    conformal bound (Vovk et al. 2005; Lei et al. 2018, https://arxiv.org/abs/1604.04173).
    """
    count = len(scores)
    rms = np.sqrt((PRIOR_TRIALS + float(scores @ scores)) / (PRIOR_TRIALS + count))
    place = min(int(np.ceil((count + 1) * CONFIDENCE)), count)
    largest = np.sort(np.abs(scores))[place - 1] if count else 0.0
    return float(max(rms, largest / norm.ppf(0.5 + CONFIDENCE / 2)))
