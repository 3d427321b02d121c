"""The covariance of the search's Gaussian process, and the gradient of its log posterior density.

Over points: the shares of K sources, then F levels as numbers (`factors.Axis`). With features
x = w^(1/4), Matern 5/2 M with a length-scale for each source, and q = sqrt(w) about uniform:

    k = (signal M(x, x') + offset) C(f, f') + linear q.q' + level
    C = exp(-sum_j theta_j d_j),  d_j = 1 where categories differ, (f_j - f'_j)^2 of numbers

a product over mixture and levels, so a mixture tells of itself at another level by as much as the
scores say; `offset` is what a level does to all mixtures alike. Two levels with an exchangeable
correlation are Kennedy and O'Hagan's autoregression of a dear code on a cheap one (Biometrika 2000,
87(1), 1-13, equation 1) with one length-scale for both: so a shorter decay (`is_short`) is a level
too, with a noise and a scale of its own, both learned. Hyperparameters are logarithms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.late_scipy import cho_solve, cholesky
from mixtures.polytope import Array
from mixtures.surrogates.matern import LEVEL_VARIANCE, ROOT5, inverse_of, matern, squared_distances

POWER = 0.25
JITTER = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where things stand in a point and in a mode: K lengths, F thetas, offset where F is not 0,
    noise and scale of short decays where there are any, linear, signal, noise.

    The level that says whether a decay is short comes last: 0 for a full one, 1 for a short one.
    """

    num_sources: int
    is_category: tuple[bool, ...] = ()
    has_short: bool = False

    @property
    def num_levels(self) -> int:
        return len(self.is_category)

    @property
    def size(self) -> int:
        return self.num_sources + self.num_levels + bool(self.num_levels) + 2 * self.has_short + 3

    @property
    def offset(self) -> int:
        return self.num_sources + self.num_levels

    @property
    def short_noise(self) -> int:
        return self.offset + 1

    def is_short(self, points: Array) -> NDArray[np.bool_]:
        """(P,)"""
        if not self.has_short:
            return np.zeros(len(points), dtype=bool)
        return np.asarray(points[:, -1] > 0.5)

    def noise(self, points: Array, mode: Array) -> Array:
        """(P,) variance of one trial's noise, in units of the target's variance."""
        factor = np.exp(mode[self.short_noise]) if self.has_short else 1.0
        return np.asarray(np.exp(mode[-1]) * np.where(self.is_short(points), factor, 1.0))


def covariance(first: Array, second: Array, mode: Array, layout: Layout) -> Array:
    """(A, B) of the noise-free target between points (A, K + F) and (B, K + F)."""
    num = layout.num_sources
    lengths = np.exp(mode[:num])
    of_first, of_second = features(first, layout), features(second, layout)
    away = ROOT5 * np.sqrt(squared_distances(of_first / lengths, of_second / lengths))
    smooth = np.exp(mode[-2]) * matern(away)
    if layout.num_levels:
        smooth = smooth + np.exp(mode[layout.offset])
        for theta, apart in zip(
            np.exp(mode[num : layout.offset]), _apart(first, second, layout), strict=True
        ):
            smooth = smooth * np.exp(-theta * apart)
    return np.asarray(smooth + np.exp(mode[-3]) * _linear(of_first, of_second) + LEVEL_VARIANCE)


def prior_variance(points: Array, mode: Array, layout: Layout) -> Array:
    """(P,) the diagonal of `covariance`."""
    linear, signal, _ = np.exp(mode[-3:])
    of_points = features(points, layout)
    along = np.sum((of_points**2 - _middle(of_points)) ** 2, axis=1)
    offset = np.exp(mode[layout.offset]) if layout.num_levels else 0.0
    return np.asarray(signal + offset + LEVEL_VARIANCE + linear * along)


def loss(
    mode: Array, points: Array, targets: Array, noise: Array, prior: Array, layout: Layout
) -> tuple[float, Array]:
    """The negative log posterior density of the hyperparameters, and its gradient.

    `noise` (N,) is relative to one trial's; `prior` (2, H) has means and sds; `targets` of short
    decays are divided by their scale here, which is why the density has its logarithm.
    """
    num, (centre, sd) = layout.num_sources, prior
    of_points = features(points, layout)
    scaled = of_points / np.exp(mode[:num])
    linear, signal, _ = np.exp(mode[-3:])
    slopes = _linear(of_points, of_points)
    away = ROOT5 * np.sqrt(squared_distances(scaled, scaled))
    decay = np.exp(-away)
    shape = (1 + away + away**2 / 3) * decay
    apart = _apart(points, points, layout)
    thetas = np.exp(mode[num : layout.offset])
    across = np.exp(-np.tensordot(thetas, apart, axes=1)) if layout.num_levels else 1.0
    offset = np.exp(mode[layout.offset]) if layout.num_levels else 0.0
    smooth = (signal * shape + offset) * across
    of_noise = layout.noise(points, mode) * noise
    is_short = layout.is_short(points)
    if layout.has_short:
        targets = np.where(is_short, targets * np.exp(-mode[layout.short_noise + 1]), targets)
    total = smooth + linear * slopes + LEVEL_VARIANCE
    total[np.diag_indices(len(targets))] += of_noise + JITTER
    z = (mode - centre) / sd
    try:
        factor = cholesky(total, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return 1e10, z / sd
    alpha = cho_solve((factor, True), targets, check_finite=False)
    value = 0.5 * targets @ alpha + np.log(np.diag(factor)).sum() + 0.5 * z @ z
    slope = inverse_of(factor) - np.outer(alpha, alpha)
    # Of the covariance by log length-scale k: 5/3 signal (1 + r) e^-r (x_k - x'_k)^2 / length^2.
    of_lengths = slope * (5.0 / 3.0 * signal * (1 + away) * decay) * across
    gradient = np.empty_like(mode)
    gradient[:num] = of_lengths.sum(axis=1) @ scaled**2 - np.einsum(
        "ik,ik->k", scaled, of_lengths @ scaled
    )
    if layout.num_levels:
        of_levels = np.tensordot(apart, slope * smooth, axes=([1, 2], [0, 1]))
        gradient[num : layout.offset] = -0.5 * thetas * of_levels
        gradient[layout.offset] = 0.5 * offset * np.sum(slope * across)
    on_diagonal = 0.5 * np.diag(slope) * of_noise
    if layout.has_short:
        value += is_short.sum() * mode[layout.short_noise + 1]
        gradient[layout.short_noise] = on_diagonal[is_short].sum()
        gradient[layout.short_noise + 1] = is_short.sum() - (targets * alpha)[is_short].sum()
    gradient[-3] = 0.5 * linear * np.sum(slope * slopes)
    gradient[-2] = 0.5 * signal * np.sum(slope * shape * across)
    gradient[-1] = on_diagonal.sum()
    return float(value), gradient + z / sd


def features(points: Array, layout: Layout) -> Array:
    """(P, K) w^(1/4) of the shares."""
    return np.asarray(np.maximum(points[:, : layout.num_sources], 0.0) ** POWER)


def _apart(first: Array, second: Array, layout: Layout) -> Array:
    """(F, A, B): 1 where categories differ, squares of differences of numbers."""
    found = np.empty((layout.num_levels, len(first), len(second)))
    for place, is_category in enumerate(layout.is_category):
        column = layout.num_sources + place
        between = first[:, [column]] - second[:, column]
        found[place] = np.abs(between) > 1e-9 if is_category else between**2
    return found


def _linear(first: Array, second: Array) -> Array:
    """Inner products of sqrt(w) about the uniform mixture's, so that slopes have no favourite."""
    return np.asarray((first**2 - _middle(first)) @ (second**2 - _middle(second)).T)


def _middle(rows: Array) -> float:
    return float(1.0 / np.sqrt(rows.shape[1]))
