"""Several surrogates as one: a weighted mean, weights by out-of-fold error.

No surrogate wins everywhere, and picking the one that did best out of fold, or weighing all alike,
both lose on some data (FACTS, section 6); the weight is MSE^-3. At 16 trials an out-of-fold error
is itself a rough number, so the logarithm of a surrogate's error on one metric is drawn half-way to
its mean over all metrics.

The posterior is the mixture's, by the law of total variance: the surrogates' own covariances, and
on top what they disagree about. The own covariances are weighed by how probable each surrogate is
given the trials that it had not seen: the likelihood of N normal errors at their own variance goes
as MSE^(-N / 2) (pseudo-Bayesian model averaging: Yao et al. 2018, Bayesian Analysis 13(3), section
2). So where a simple law explains the trials the posterior is as narrow as that law's, and as wide
as a Gaussian process's where none does. Trees have no covariance and add to the second part alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.effective_data_law import EffectiveDataLaw
from mixtures.surrogates.exponential_law import ExponentialLaw
from mixtures.surrogates.mixture_gp import (
    ADDITIVE_GAUSSIAN_PROCESS,
    GAUSSIAN_PROCESS,
    GaussianProcessFit,
)
from mixtures.surrogates.ridge import LINEAR, RIDGE, RIDGE_WITH_LOGS
from mixtures.surrogates.seam import Array, Fit, PosteriorFit, Surrogate, Trials
from mixtures.surrogates.trees import Trees

SURROGATES: tuple[Surrogate, ...] = (
    GAUSSIAN_PROCESS,
    ADDITIVE_GAUSSIAN_PROCESS,
    EffectiveDataLaw(),
    RIDGE,
    RIDGE_WITH_LOGS,
    LINEAR,
    ExponentialLaw(),
    Trees(),
)
# On RegMix's runs and in simulated studies 2 and 4 are as good within .001 of rank correlation.
POWER = 3.0
# How far a surrogate's log error on one metric is drawn to its mean over metrics.
POOLED = 0.5
# A probability below this does not count.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class StackFit:
    """One target. `weights` (M,), by which the means of the `fits` count, and `probabilities` (M,),
    by which their covariances do, are non-negative and sum to 1.

    `out_of_fold_variance` is of the noise-free target; `noise_variance` that of an ordinary trial.
    """

    trials: Trials
    names: tuple[str, ...]
    fits: tuple[Fit, ...]
    weights: Array
    probabilities: Array
    out_of_fold: Array  # (N,)
    out_of_fold_variance: Array  # (N,)
    noise_variance: float

    def predict(self, shares: Array) -> tuple[Array, Array]:
        """Mean and sd (P,) of the noise-free target."""
        predictions = [fit.predict(shares) for fit in self.fits]
        means = np.stack([mean for mean, _ in predictions])
        mean = self.weights @ means
        variance = self.weights @ (means - mean) ** 2
        for weight, (_, sd) in zip(self.probabilities, predictions, strict=True):
            variance = variance + weight * sd**2
        return mean, np.sqrt(variance)

    def joint(self, shares: Array) -> tuple[Array, Array]:
        """Mean (P,) and covariance (P, P) of the noise-free target at the mixtures `shares`."""
        means = np.stack([fit.predict(shares)[0] for fit in self.fits])
        mean = self.weights @ means
        apart = np.sqrt(self.weights)[:, None] * (means - mean)
        covariance = apart.T @ apart
        for weight, fit in zip(self.probabilities, self.fits, strict=True):
            # A pool of a thousand is the most of the work: not for what changes no digit.
            if weight > NEGLIGIBLE and isinstance(fit, PosteriorFit):
                covariance += weight * fit.covariance(shares)
        return mean, covariance


def fit_stacks(
    targets: Sequence[Trials], surrogates: Sequence[Surrogate] = SURROGATES
) -> list[StackFit]:
    """One stack per target; the targets are metrics of the same mixtures, whole or in part.

    At least one surrogate has a posterior.
    """
    fits = [[surrogate.fit(trials) for surrogate in surrogates] for trials in targets]
    return stacks_of(targets, fits, [surrogate.name for surrogate in surrogates])


def stacks_of(
    targets: Sequence[Trials], fits: Sequence[Sequence[Fit]], names: Sequence[str]
) -> list[StackFit]:
    """The stacks of fits that are there: `fits[t]` are those of target t, called `names`."""
    errors = np.array(
        [
            [_mean_square(fit, trials) for fit in row]
            for trials, row in zip(targets, fits, strict=True)
        ]
    )
    weights = stack_weights(errors, np.full(len(targets), POWER))
    # A surrogate without a covariance has none to be counted.
    is_whole = [isinstance(fit, PosteriorFit) for fit in fits[0]]
    probabilities = np.zeros_like(weights)
    probabilities[:, is_whole] = stack_weights(
        errors[:, is_whole], np.array([len(trials) / 2 for trials in targets])
    )
    return [
        _stack(trials, tuple(names), row, own, probable)
        for trials, row, own, probable in zip(targets, fits, weights, probabilities, strict=True)
    ]


def stack_weights(errors: Array, powers: Array) -> Array:
    """(T, M) weights of M surrogates on T targets, from mean squares (T, M) and powers (T,)."""
    logs = np.log(np.maximum(errors, np.finfo(float).tiny))
    logs = (1.0 - POOLED) * logs + POOLED * logs.mean(axis=0)
    raised = np.exp(-powers[:, None] * (logs - logs.min(axis=1, keepdims=True)))
    weights: Array = raised / raised.sum(axis=1, keepdims=True)
    return weights


def _mean_square(fit: Fit, trials: Trials) -> float:
    """The weighted out-of-fold error in units of the target's variance: metrics compare."""
    spread = float(trials.targets.var()) or 1.0
    return (
        float(np.average((fit.out_of_fold - trials.targets) ** 2, weights=trials.weights)) / spread
    )


def _stack(
    trials: Trials,
    names: tuple[str, ...],
    fits: Sequence[Fit],
    weights: Array,
    probabilities: Array,
) -> StackFit:
    means = np.stack([fit.out_of_fold for fit in fits])
    mean = weights @ means
    variance = weights @ (means - mean) ** 2
    for weight, fit in zip(probabilities, fits, strict=True):
        if isinstance(fit, PosteriorFit):
            variance = variance + weight * fit.out_of_fold_variance
    return StackFit(
        trials=trials,
        names=names,
        fits=tuple(fits),
        weights=weights,
        probabilities=probabilities,
        out_of_fold=mean,
        out_of_fold_variance=variance,
        noise_variance=_noise_variance(fits, weights),
    )


def _noise_variance(fits: Sequence[Fit], weights: Array) -> float:
    """Of an ordinary trial: what the Gaussian processes learned. Others call lack of fit noise."""
    pairs = [
        (weight, fit.noise_variance)
        for weight, fit in zip(weights, fits, strict=True)
        if isinstance(fit, GaussianProcessFit)
    ]
    own = np.array([weight for weight, _ in pairs]) + np.finfo(float).tiny
    return float(np.average([noise for _, noise in pairs], weights=own))
