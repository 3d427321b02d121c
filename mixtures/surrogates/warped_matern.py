"""The covariance of a target at two mixtures, and its gradient, for `mixture_gp.py`.

    k(w, v) = level + signal * matern(r) + sum_k additive_k * matern(|sqrt w_k - sqrt v_k| / 1.2)
    r^2 = sum_k ((w_k + e)^p_k - (v_k + e)^p_k)^2 / length_k^2

Matern 5/2 (Rasmussen & Williams 2006, equation 4.17). A length-scale per source, because a target
listens to a few of them. A power per source (or one for all), because how much faster than linearly
the first per cent of a source counts is not known beforehand: on RegMix's runs the best fixed power
was .25 for the mean of 13 losses and .4 for Pile-CC. The additive terms (optional) are effects of
one source whatever the others do; they help where trials are few for the number of sources.

All hyperparameters are logarithms with normal priors. Layout: K length-scales, P powers, signal,
noise, and K additive variances where there are any.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.matern import (
    LENGTH_MEDIAN,
    LENGTH_SD,
    LEVEL_VARIANCE,
    NOISE_MEDIAN,
    NOISE_SD,
    ROOT5,
    SIGNAL_MEDIAN,
    SIGNAL_SD,
    matern,
    squared_distances,
)
from mixtures.surrogates.seam import Array

# Keeps the slope of a small power finite at share 0; a tenth of RegMix's smallest share.
SMALLEST_SHARE = 1e-4
# Medians and sds (in log) of the priors that `matern.py` does not have.
POWER_MEDIAN, POWER_SD = 0.25, 0.5
ADDITIVE_MEDIAN, ADDITIVE_SD, ADDITIVE_LENGTH = 0.1, 1.5, 1.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """`has_shared_power`: one power for all sources; `is_additive`: with the additive terms."""

    num_sources: int
    has_shared_power: bool
    is_additive: bool

    @property
    def powers(self) -> slice:
        return slice(self.num_sources, self.signal)

    @property
    def signal(self) -> int:
        return self.num_sources + (1 if self.has_shared_power else self.num_sources)

    @property
    def noise(self) -> int:
        return self.signal + 1

    @property
    def additive(self) -> slice:
        return slice(self.noise + 1, self.noise + 1 + (self.num_sources * self.is_additive))

    def prior(self, shares: Array) -> tuple[Array, Array]:
        """Mean and sd of every hyperparameter's logarithm, given where the trials lie."""
        center, sd = np.zeros(self.additive.stop), np.zeros(self.additive.stop)
        warped = (shares + SMALLEST_SHARE) ** POWER_MEDIAN
        between = np.sqrt(squared_distances(warped, warped)[np.triu_indices(len(shares), 1)])
        median = float(np.median(between[between > 0])) if np.any(between > 0) else 1.0
        center[: self.num_sources] = np.log(LENGTH_MEDIAN * median)
        sd[: self.num_sources] = LENGTH_SD
        center[self.powers], sd[self.powers] = np.log(POWER_MEDIAN), POWER_SD
        center[self.signal], sd[self.signal] = np.log(SIGNAL_MEDIAN), SIGNAL_SD
        center[self.noise], sd[self.noise] = np.log(NOISE_MEDIAN), NOISE_SD
        center[self.additive], sd[self.additive] = np.log(ADDITIVE_MEDIAN), ADDITIVE_SD
        return center, sd

    def covariance(self, a: Array, b: Array, parameters: Array) -> Array:
        """(A, B) between the noise-free targets at the mixtures `a` and `b`."""
        values = np.exp(parameters)
        lengths, powers = values[: self.num_sources], values[self.powers]
        left = (a + SMALLEST_SHARE) ** powers / lengths
        right = (b + SMALLEST_SHARE) ** powers / lengths
        r = ROOT5 * np.sqrt(squared_distances(left, right))
        total: Array = LEVEL_VARIANCE + values[self.signal] * matern(r)
        # One source at a time: all at once is K times the memory.
        for k, variance in enumerate(values[self.additive]):
            total += variance * _additive_term(a[:, k], b[:, k])
        return total

    def variance(self, parameters: Array) -> float:
        """The prior variance of the noise-free target, the same at every mixture."""
        values = np.exp(parameters)
        return float(LEVEL_VARIANCE + values[self.signal] + values[self.additive].sum())

    def additive_terms(self, shares: Array) -> Array:
        """(K, N * N): the additive terms' correlations, which no hyperparameter changes."""
        if not self.is_additive:
            return np.zeros((0, len(shares) ** 2))
        return np.stack([_additive_term(column, column).ravel() for column in shares.T])

    def with_gradient(
        self, shares: Array, terms: Array, parameters: Array
    ) -> tuple[Array, Callable[[Array], Array]]:
        """The covariance (N, N) of trials, without noise, and what pulls a gradient back.

        The latter takes the derivative of a number by each entry of the covariance (N, N) and
        gives that by each hyperparameter (noise: 0).
        """
        values = np.exp(parameters)
        lengths, powers = values[: self.num_sources], values[self.powers]
        logs = np.log(shares + SMALLEST_SHARE)
        scaled = np.exp(powers * logs) / lengths
        r = ROOT5 * np.sqrt(squared_distances(scaled, scaled))
        decay = np.exp(-r)
        correlation = (1.0 + r + r * r / 3.0) * decay
        signal, additive = values[self.signal], values[self.additive]
        total = LEVEL_VARIANCE + signal * correlation
        if self.is_additive:
            total += (additive @ terms).reshape(total.shape)

        def pull(slope: Array) -> Array:
            gradient = np.zeros(len(parameters))
            # dk / d(r^2 / 5), in terms of which lengths and powers are quadratic forms.
            inner = slope * ((5.0 / 3.0) * signal * (1.0 + r) * decay)
            rows = inner.sum(axis=1)

            def form(other: Array) -> Array:
                """sum_ij inner_ij (scaled_i - scaled_j) (other_i - other_j), per source."""
                cross = np.einsum("ik,ik->k", scaled, inner @ other)
                full: Array = 2.0 * (rows @ (scaled * other)) - 2.0 * cross
                return full

            gradient[: self.num_sources] = form(scaled)
            by_power = -form(scaled * logs * powers)
            gradient[self.powers] = by_power.sum() if self.has_shared_power else by_power
            gradient[self.signal] = signal * np.sum(slope * correlation)
            gradient[self.additive] = additive * (terms @ slope.ravel())
            return gradient

        return total, pull


def _additive_term(a: Array, b: Array) -> Array:
    distance = np.abs(np.sqrt(a)[:, None] - np.sqrt(b))
    return matern(ROOT5 * distance / ADDITIVE_LENGTH)
