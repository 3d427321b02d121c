"""The objective as a smooth function of one number, the SFT share: a Gaussian process.

For one trial  y = f(share) + b_seed + e.  b_seed ~ N(0, tau^2) is common to the trials of a seed
block, which read each source in one order. e ~ N(0, sigma(share)^2), log sigma linear in the angle,
because noise depends on the mixture: with one sigma and the noisy end best, the best share was
missed in one simulated study of six.

f is a level, a Matern 5/2 process over the angle arcsin(sqrt(share)), and exponentials at both
ends. The angle is arc length on the edge of the simplex under the Fisher metric (Hellinger
distance): curves are steep at both ends of the share, where the first per cent of a source counts
most, and the angle stretches just these; share 0 to .1 takes a fifth of its range. Where that is
not enough the exponentials take up the drop. Without them the drop shortens the length scale
everywhere, and pieces of the other end came back as "cannot be told from the best".

Nothing is point-estimated: with 6 to 24 trials a maximum-likelihood fit calls noise signal, or the
reverse, and its intervals are too short. Hyperparameters are averaged over a fixed grid, weighted
by evidence times weak priors (Rasmussen & Williams 2006, section 5.2 and equation 2.30; the level
is integrated out under a flat prior as in section 2.7). The average has no random part.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.late_scipy import ndtri
from mixtures.rank_correlation import rank_correlation
from mixtures.surrogates.seed_blocks import Array, Cells, Kernels, cholesky, solve

# Median and sd, in logarithms, of the priors; scores are standardised, angles are in radians.
# Length: half of the edge's pi/2 is a curve with one bend, a tenth is five bends.
LENGTH_PRIOR = (0.6, 0.6)
SIGNAL_PRIOR = (1.0, 1.0)
# Wide: seed noise was .01 to .9 of the spread of scores (FACTS, section 6; the demo's own sweeps).
NOISE_PRIOR = (0.2, 1.5)

LENGTHS = np.geomspace(0.2, 2.4, 6)
SIGNAL_TO_NOISE = np.geomspace(0.1, 300.0, 12)
SEED_TO_NOISE = np.geomspace(0.1, 6.0, 5)
# No steep ends, or ends that are steep by as much as three times the rest of the curve.
ENDS = np.array([0.0, 3.0])
# Equal noise, or a sevenfold sd from one end to the other.
NOISE_SLOPES = np.array([-2.0, 0.0, 2.0])
NOISES = np.geomspace(0.003, 1.5, 61)

# Grid points that weigh less than this against the best one are left out of the average.
NEGLIGIBLE = 1e-4
# Numbers per stack of matrices: a megabyte stays in the cache, and is twice as fast as sixteen.
CHUNK_NUMBERS = 100_000
# More distinct shares than this are left out in five groups, interleaved, not one by one.
MAX_SINGLE_FOLDS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class OutOfFold:
    """What the fit says of a mixture that it has not seen: `trials` by index, `mean` and `sd`.

    The two ends of the sweep are never left out: to predict them is to extrapolate, which no
    recommendation does. `r_squared` and `spearman` are over means of mixtures (None where there is
    nothing to explain), `coverage` is the part of the trials inside their 95 % interval.
    """

    trials: NDArray[np.intp]
    mean: Array
    sd: Array
    rmse: float
    r_squared: float | None
    spearman: float | None
    coverage: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareFit:
    """The posterior: weighted grid points, each with a Gaussian over f and the seed effects.

    Everything inside is standardised: y = center + scale * z. `weights` has a row per kernel and a
    column per noise.
    """

    shares: Array
    seeds: tuple[int, ...]
    values: Array
    center: float
    scale: float
    kernels: Kernels
    weights: Array  # (len(kernels), len(NOISES)), summing to 1

    @property
    def noise_sd(self) -> float:
        """Posterior mean of sigma, averaged over the trials."""
        ratio = self.kernels.noise_ratio(self.shares).mean(axis=1)
        return self.scale * float(ratio @ self.weights @ NOISES)

    @property
    def seed_sd(self) -> float:
        """Posterior mean of tau; what the prior says where there is one seed."""
        return self.scale * float(self.kernels.seed @ self.weights @ NOISES)

    def curve(self, grid: Sequence[float] | Array) -> tuple[Array, Array]:
        """Mean and sd of f at the shares `grid`: seed effects and noise are not in it."""
        return self._moments(np.asarray(grid, dtype=float), ())

    def draws(self, grid: Sequence[float] | Array, num_draws: int, seed: int) -> Array:
        """(num_draws, len(grid)) joint draws of f, over hyperparameters too; `seed` fixes them."""
        shares = np.asarray(grid, dtype=float)
        rng = np.random.default_rng(seed)
        picked = rng.choice(self.weights.size, size=num_draws, p=self.weights.ravel())
        picked_kernel, picked_noise = np.divmod(picked, len(NOISES))
        out = rng.standard_normal((num_draws, len(shares)))
        k = 0
        for chunk in _chunks(self.kernels, max(len(shares), len(self.shares)) ** 2):
            means, taken, left, short = self._predict(chunk, shares, ())
            known = np.swapaxes(taken, 1, 2) @ taken - np.swapaxes(left, 1, 2) @ left
            level = short[:, :, None] * short[:, None, :]
            covariances = chunk.of_shares(shares, shares) - known + level
            for mean, factor in zip(means, cholesky(covariances, chunk.signal**2), strict=True):
                rows = picked_kernel == k
                noise = NOISES[picked_noise[rows], None]
                out[rows] = mean + noise * (out[rows] @ factor.T)
                k += 1
        return self.center + self.scale * out

    def predict_trials(self, shares: Array, seeds: Sequence[int]) -> tuple[Array, Array]:
        """Mean and sd of the score of new trials; a seed that was seen brings its effect."""
        return self._moments(shares, seeds)

    def out_of_fold(self) -> OutOfFold:
        """Leave one mixture out, fit anew, predict its trials; at least three distinct shares."""
        unique, which = np.unique(self.shares, return_inverse=True)
        if len(unique) < 3:
            raise ValueError(
                f"{len(unique)} distinct shares, expected 3: the ends are not left out"
            )
        fold = which % 5 if len(unique) > MAX_SINGLE_FOLDS else which
        inside = (which > 0) & (which < len(unique) - 1)
        mean, sd = np.zeros_like(self.values), np.zeros_like(self.values)
        seeds = np.array(self.seeds)
        for k in np.unique(fold[inside]):
            out = inside & (fold == k)
            fit = fit_share_gp(self.shares[~out], seeds[~out].tolist(), self.values[~out])
            mean[out], sd[out] = fit.predict_trials(self.shares[out], seeds[out].tolist())
        errors = (self.values - mean)[inside]
        counts = np.bincount(which)[1:-1]
        actual = np.bincount(which, weights=self.values)[1:-1] / counts
        predicted = np.bincount(which, weights=mean)[1:-1] / counts
        spread = float(np.sum((actual - actual.mean()) ** 2))
        return OutOfFold(
            trials=np.flatnonzero(inside),
            mean=mean[inside],
            sd=sd[inside],
            rmse=float(np.sqrt(np.mean(errors**2))),
            r_squared=1 - float(np.sum((actual - predicted) ** 2)) / spread if spread > 0 else None,
            spearman=rank_correlation(actual, predicted),
            coverage=float(np.mean(np.abs(errors) <= ndtri(0.975) * sd[inside])),
        )

    def _predict(
        self, kernels: Kernels, shares: Array, seeds: Sequence[int]
    ) -> tuple[Array, Array, Array, Array]:
        """`Solved.predict` for f at `shares`, plus the effect of `seeds` where they are given.

        The kernels have one noise slope.
        """
        cells = _cells(kernels, self.shares, self.seeds, (self.values - self.center) / self.scale)
        to_seeds: Array = np.zeros((len(kernels), len(shares), len(cells.seeds)))
        if len(seeds):
            to_seeds = kernels.of_seeds(np.array(seeds, dtype=np.int64), cells.seeds)
        to_shares = kernels.of_shares(shares, cells.shares)
        return solve(cells, kernels).predict(np.concatenate([to_shares, to_seeds], axis=2))

    def _moments(self, shares: Array, seeds: Sequence[int]) -> tuple[Array, Array]:
        """Mean and sd over all hyperparameters: of f, or with `seeds` of trials."""
        means, variances = [], []
        num_unknowns = len(np.unique(self.shares)) + len(np.unique(self.seeds))
        for chunk in _chunks(self.kernels, num_unknowns * max(num_unknowns, len(shares))):
            mean, taken, left, short = self._predict(chunk, shares, seeds)
            prior = chunk.of_share(shares)
            if len(seeds):
                prior += chunk.seed[:, None] ** 2 + chunk.noise_ratio(shares) ** 2
            known = np.sum(taken**2, axis=1) - np.sum(left**2, axis=1)
            means.append(mean)
            variances.append(prior - known + short**2)
        all_means, all_variances = np.concatenate(means), np.concatenate(variances)
        by_kernel = self.weights.sum(axis=1)
        mean = by_kernel @ all_means
        variance = (self.weights @ NOISES**2) @ all_variances + by_kernel @ (all_means - mean) ** 2
        return self.center + self.scale * mean, self.scale * np.sqrt(np.maximum(variance, 0.0))


def fit_share_gp(
    shares: Sequence[float] | Array, seeds: Sequence[int], values: Sequence[float] | Array
) -> ShareFit:
    """The posterior of the curve given one value per trial; at least two distinct shares."""
    x, y = np.asarray(shares, dtype=float), np.asarray(values, dtype=float)
    if not len(x) == len(seeds) == len(y) or len(np.unique(x)) < 2:
        raise ValueError(
            f"{len(x)} shares ({len(np.unique(x))} distinct), {len(seeds)} seeds, {len(y)} values; "
            "expected equally many, and two distinct shares"
        )
    center, scale = float(np.mean(y)), float(np.std(y)) or 1.0
    z = (y - center) / scale
    seed_grid = SEED_TO_NOISE if len(set(seeds)) > 1 else SEED_TO_NOISE[:1]
    # The slope comes first, so that kernels of one slope lie together.
    grid = np.meshgrid(NOISE_SLOPES, LENGTHS, SIGNAL_TO_NOISE, seed_grid, ENDS, indexing="ij")
    slopes, lengths, signals, seed_effects, ends = (axis.ravel() for axis in grid)
    kernels = Kernels(
        length=lengths, signal=signals, seed=seed_effects, noise_slope=slopes, ends=ends
    )
    num_unknowns = len(np.unique(x)) + len(set(seeds))
    log_evidence = [
        solve(_cells(chunk, x, seeds, z), chunk).log_evidence(NOISES, len(z))
        for chunk in _chunks(kernels, num_unknowns**2)
    ]
    log_weights = np.concatenate(log_evidence) + _log_prior(kernels)
    log_weights -= log_weights.max()
    kept = log_weights.max(axis=1) > np.log(NEGLIGIBLE)
    weights = np.exp(log_weights[kept])
    return ShareFit(
        shares=x,
        seeds=tuple(seeds),
        values=y,
        center=center,
        scale=scale,
        kernels=kernels[kept],
        weights=weights / weights.sum(),
    )


def _chunks(kernels: Kernels, numbers_each: int) -> Iterator[Kernels]:
    """Kernels of one noise slope, few enough at once that their matrices stay in the cache."""
    size = max(1, CHUNK_NUMBERS // numbers_each)
    for slope in NOISE_SLOPES:
        same = kernels[kernels.noise_slope == slope]
        for start in range(0, len(same), size):
            yield same[start : start + size]


def _cells(kernels: Kernels, shares: Array, seeds: Sequence[int], z: Array) -> Cells:
    return Cells.of(shares, seeds, z, 1 / kernels[:1].noise_ratio(shares)[0] ** 2)


def _log_prior(kernels: Kernels) -> Array:
    """(K, N). The ratio of seed effect to noise is uniform over its grid."""

    def log_normal(value: Array, prior: tuple[float, float]) -> Array:
        z = np.log(value / prior[0]) / prior[1]
        density: Array = -(z**2) / 2 - math.log(2 * math.pi) / 2
        return density

    signals = kernels.signal[:, None] * NOISES
    lengths = log_normal(kernels.length, LENGTH_PRIOR)
    return lengths[:, None] + log_normal(signals, SIGNAL_PRIOR) + log_normal(NOISES, NOISE_PRIOR)
