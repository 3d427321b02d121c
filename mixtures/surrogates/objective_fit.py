"""The objective's posterior: a weighted sum of metrics, each with a stack of its own.

Fitted per metric and then summed, because a sum of simple laws is no simple law: the exponential
law ranks at .84 fitted to 13 losses and then averaged, at .39 fitted to their average (FACTS,
section 6).

The metrics' errors are not independent, and no posterior of 30 trials knows its own width: both are
mended on left-out trials (`calibration.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.calibration import NO_REPEATS, Calibration, Repeats, calibrate
from mixtures.surrogates.seam import Array, Rows
from mixtures.surrogates.stack import StackFit


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
    calibration: Calibration

    @property
    def noise_sd(self) -> float:
        """Of one ordinary trial's objective."""
        variance = sum(
            weight**2 * stack.noise_variance
            for weight, stack in zip(self.weights, self.stacks, strict=True)
        )
        return float(self.calibration.noise * np.sqrt(variance))

    def predict(self, shares: Array) -> tuple[Array, Array]:
        """Mean and sd (P,) of the noise-free objective."""
        mean, variance = np.full(len(shares), self.constant), np.zeros(len(shares))
        for weight, stack in zip(self.weights, self.stacks, strict=True):
            of_metric = stack.predict(shares)
            mean += weight * of_metric[0]
            variance += weight**2 * of_metric[1] ** 2
        return mean, self.calibration.process * np.sqrt(variance)

    def joint(self, shares: Array) -> tuple[Array, Array]:
        """Mean (P,) and covariance (P, P) of the noise-free objective."""
        mean = np.full(len(shares), self.constant)
        covariance = np.zeros((len(shares), len(shares)))
        for weight, stack in zip(self.weights, self.stacks, strict=True):
            of_metric = stack.joint(shares)
            mean += weight * of_metric[0]
            covariance += weight**2 * of_metric[1]
        return mean, self.calibration.process**2 * covariance


def combine(
    stacks: Mapping[str, StackFit],
    rows: Mapping[str, Rows],
    weights: Mapping[str, float],
    num_trials: int,
    constant: float = 0.0,
) -> ObjectiveFit:
    """The sum of the metrics, calibrated on the trials that have all of them."""
    names = list(stacks)
    factors = np.array([weights[name] for name in names])
    errors = np.zeros((len(names), num_trials))
    variances, noises = np.zeros_like(errors), np.zeros_like(errors)
    targets = np.full(num_trials, constant)
    for k, (name, stack) in enumerate(stacks.items()):
        absent = np.setdiff1d(np.arange(num_trials), rows[name])
        targets[absent] = np.nan
        targets[rows[name]] += weights[name] * stack.trials.targets
        errors[k, rows[name]] = stack.trials.targets - stack.out_of_fold
        variances[k, rows[name]] = stack.out_of_fold_variance
        noises[k, rows[name]] = stack.noise_variance * stack.trials.noise
    whole = np.isfinite(targets)
    found = calibrate(
        factors,
        errors[:, whole],
        variances[:, whole],
        noises[:, whole],
        _repeats(list(stacks.values()), factors),
    )
    variance = (factors * found.process) ** 2 @ variances + (factors * found.noise) ** 2 @ noises
    return ObjectiveFit(
        names=tuple(names),
        stacks=tuple(stacks.values()),
        rows=tuple(rows[name] for name in names),
        weights=factors,
        constant=constant,
        targets=targets,
        out_of_fold=targets - factors @ errors,
        out_of_fold_sd=np.sqrt(variance),
        calibration=found,
    )


def _repeats(stacks: Sequence[StackFit], weights: Array) -> Repeats:
    """Of the sum. Metrics of one run share noise, so several tell no more than one of them."""
    if not stacks:
        return NO_REPEATS
    learned = np.array([stack.noise_variance for stack in stacks])
    repeated = np.array([stack.trials.noise_variance for stack in stacks])
    return Repeats(
        ratio=float(weights**2 @ repeated / (weights**2 @ learned)),
        df=min(stack.trials.noise_df for stack in stacks),
    )
