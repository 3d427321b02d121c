"""Gaussian algebra for trials that repeat few shares in few seed blocks.

The model is  y = level + f_u + b_s + e,  e ~ N(0, 1 / w):  everything is in units of one noise, of
which trial i has 1 / w_i. Many trials share one f_u and one b_s, so all is done in the space of
these U + S unknowns g ~ N(0, G): 400 trials of 12 shares on 33 seeds cost a 45 x 45 Cholesky, not a
400 x 400 one. With A the incidence of trials on unknowns, rows scaled by sqrt(w) as y is, C = A'A
and G = L L',

    K = I + A G A',   K^-1 = I - A L M^-1 L' A',   M = I + L' C L   (Woodbury)

The level has a flat prior and is integrated out (Rasmussen & Williams 2006, equations 2.41-2.45).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

# In units of the prior variance: distinct shares may lie a thousandth apart.
JITTER = 1e-9
# A loss that falls within the first few, or the first fifteen, per cent of a source.
END_SCALES = (0.03, 0.1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """The trials as weighted sums over distinct shares and seeds: all that the model asks."""

    shares: Array  # (U,) distinct
    seeds: NDArray[np.int64]  # (S,) distinct
    gram: Array  # (D, D) C = A'A, D = U + S
    counts: Array  # (D,) A'sqrt(w), the level's column being sqrt(w)
    sums: Array  # (D,) A'z
    num_trials: int
    total_weight: float
    log_weight: float  # sum of log w: log det of the scaling, undone
    total: float
    squares: float

    @classmethod
    def of(cls, shares: Array, seeds: Sequence[int], values: Array, weights: Array) -> Self:
        unique_shares, rows = np.unique(shares, return_inverse=True)
        unique_seeds, columns = np.unique(np.array(seeds, dtype=np.int64), return_inverse=True)
        incidence = np.zeros((len(shares), len(unique_shares) + len(unique_seeds)))
        incidence[np.arange(len(shares)), rows] = 1.0
        incidence[np.arange(len(shares)), len(unique_shares) + columns] = 1.0
        return cls(
            shares=unique_shares,
            seeds=unique_seeds,
            gram=incidence.T @ (weights[:, None] * incidence),
            counts=incidence.T @ weights,
            sums=incidence.T @ (weights * values),
            num_trials=len(values),
            total_weight=float(np.sum(weights)),
            log_weight=float(np.sum(np.log(weights))),
            total=float(np.sum(weights * values)),
            squares=float(np.sum(weights * values**2)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels:
    """K priors: the length scale of f, the sd of f and of seed effects in units of the noise sd.

    All K are worked on at once, as leading dimension: one by one, Python's overhead on matrices
    this small is ten times the arithmetic.
    """

    length: Array  # (K,)
    signal: Array  # (K,)
    seed: Array  # (K,)
    noise_slope: Array  # (K,) log of the noise sd at share 1 over that at share 0
    ends: Array  # (K,) sd of the steep terms at both ends, against the signal's

    def __len__(self) -> int:
        return len(self.length)

    def __getitem__(self, index: slice | NDArray[np.bool_]) -> "Kernels":
        return Kernels(
            length=self.length[index],
            signal=self.signal[index],
            seed=self.seed[index],
            noise_slope=self.noise_slope[index],
            ends=self.ends[index],
        )

    def noise_ratio(self, shares: Array) -> Array:
        """(K, A): sd of the noise at the shares, against that in the middle of the angle."""
        angle = np.arcsin(np.sqrt(shares)) / (np.pi / 2) - 0.5
        ratio: Array = np.exp(self.noise_slope[:, None] * angle)
        return ratio

    def of_shares(self, a: Array, b: Array) -> Array:
        """(K, A, B): Matern 5/2 over the angle (Rasmussen & Williams 2006, equation 4.17) plus
        exponentials at both ends with independent normal coefficients.
        """
        angles = np.arcsin(np.sqrt(a)), np.arcsin(np.sqrt(b))
        distance = np.abs(angles[0][:, None] - angles[1])
        r = np.sqrt(5.0) * distance / self.length[:, None, None]
        covariance: Array = (1.0 + r + r**2 / 3.0) * np.exp(-r)
        steep = _end_terms(a) @ _end_terms(b).T
        both: Array = covariance + self.ends[:, None, None] ** 2 * steep
        return self.signal[:, None, None] ** 2 * both

    def of_share(self, shares: Array) -> Array:
        """(K, A): the variances, that is the diagonal of `of_shares`."""
        steep = np.sum(_end_terms(shares) ** 2, axis=1)
        variances: Array = self.signal[:, None] ** 2 * (1.0 + self.ends[:, None] ** 2 * steep)
        return variances

    def of_seeds(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> Array:
        """(K, A, B): the same seed has the same effect."""
        covariance: Array = self.seed[:, None, None] ** 2 * (a[:, None] == b)
        return covariance


@dataclass(frozen=True, kw_only=True, slots=True)
class Solved:
    """K kernels, each conditioned on the cells."""

    factor: Array  # (K, D, D) L
    m_factor: Array  # (K, D, D) the lower Cholesky factor of M
    level: Array  # (K,)
    level_precision: Array  # (K,) 1'K^-1 1
    log_det: Array  # (K,) log |K|
    residual: Array  # (K,) (y - level)'K^-1 (y - level)
    half_ones: Array  # (K, D) m_factor^-1 L'A'1
    half_errors: Array  # (K, D) m_factor^-1 L'A'(y - level)

    def log_evidence(self, noises: Array, num_trials: int) -> Array:
        """(K, N): log p(y) at each noise sd, up to a constant. K scales with the noise's square."""
        at_one: Array = self.log_det + np.log(self.level_precision)
        scores: Array = (
            -(num_trials - 1) * np.log(noises)
            - 0.5 * at_one[:, None]
            - 0.5 * self.residual[:, None] / noises**2
        )
        return scores

    def predict(self, cross: Array) -> tuple[Array, Array, Array, Array]:
        """What the data say of some unknowns whose prior covariance with g is `cross` (K, P, D).

        Returns their mean (K, P) and three factors with which the covariance of unknowns p and q
        is  prior - taken'taken + left'left + short short'.  Taken is what g tells, left is what is
        not known of g, short what is not known of the level. Taking off first and putting back
        later loses no digits where the signal is 300 times the noise.
        """
        taken = np.linalg.solve(self.factor, np.swapaxes(cross, 1, 2))
        left = np.linalg.solve(self.m_factor, taken)
        mean = self.level[:, None] + np.einsum("kdp,kd->kp", left, self.half_errors)
        short = 1.0 - np.einsum("kdp,kd->kp", left, self.half_ones)
        return mean, taken, left, short / np.sqrt(self.level_precision)[:, None]


def solve(cells: Cells, kernels: Kernels) -> Solved:
    num_shares, num_seeds = len(cells.shares), len(cells.seeds)
    factor = np.zeros((len(kernels), *cells.gram.shape))
    prior = kernels.of_shares(cells.shares, cells.shares)
    factor[:, :num_shares, :num_shares] = cholesky(prior, kernels.signal**2)
    factor[:, num_shares:, num_shares:] = kernels.seed[:, None, None] * np.eye(num_seeds)

    transposed = np.swapaxes(factor, 1, 2)
    m_factor = np.linalg.cholesky(np.eye(len(cells.gram)) + transposed @ cells.gram @ factor)
    right = transposed @ np.column_stack([cells.counts, cells.sums])
    halves = np.linalg.solve(m_factor, right)
    half_ones, half_sums = halves[:, :, 0], halves[:, :, 1]
    precision = cells.total_weight - np.sum(half_ones**2, axis=1)
    cross = cells.total - np.sum(half_ones * half_sums, axis=1)
    level = cross / precision
    log_det = 2.0 * np.sum(np.log(np.diagonal(m_factor, axis1=1, axis2=2)), axis=1)
    return Solved(
        factor=factor,
        m_factor=m_factor,
        level=level,
        level_precision=precision,
        log_det=log_det - cells.log_weight,
        residual=cells.squares - np.sum(half_sums**2, axis=1) - level * cross,
        half_ones=half_ones,
        half_errors=half_sums - level[:, None] * half_ones,
    )


def _end_terms(shares: Array) -> Array:
    """(A, 4): exp(-share / c) and exp(-(1 - share) / c), the law of a loss against a share.

    Data Mixing Laws, https://arxiv.org/abs/2403.16952, equation 7.
    """
    steps = np.array(END_SCALES)
    terms: Array = np.exp(-np.hstack([shares[:, None] / steps, (1 - shares[:, None]) / steps]))
    return terms


def cholesky(covariance: Array, prior_variance: Array) -> Array:
    """The lower factors, after a jitter that the rounding of the prior makes necessary."""
    jitter = JITTER * prior_variance[:, None, None]
    return np.linalg.cholesky(covariance + jitter * np.eye(covariance.shape[-1]))
