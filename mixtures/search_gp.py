"""What the scores so far say of every mixture: a Gaussian process for each benchmark, summed.

Of published runs a process with a length-scale for each source over w^(1/4), with priors on scales
and noise, ranked mixtures best, and fitted to each benchmark and then summed much better than to
the sum (Spearman .97 against .83 at 32 trials; RegMix's runs, 13 losses). Matern 5/2; targets
standardised; log-normal priors on length-scales (median 1.2 times the median distance), on signal
variance (median 1) and on noise (median .1, or what repeats say); the mode by L-BFGS on the
analytic gradient (Rasmussen and Williams 2006, equation 5.9). Beside it a part that is linear in
sqrt(w): with 20 sources and 30 trials nothing else says what lies towards the corners. Levels of
factors and shorter decays are in `search_kernel.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.late_scipy import cho_solve, cholesky, solve_triangular
from mixtures.polytope import Array
from mixtures.search_kernel import (
    JITTER,
    Layout,
    covariance,
    features,
    loss,
    prior_variance,
)
from mixtures.surrogates.matern import (
    LENGTH_MEDIAN,
    LENGTH_SD,
    SIGNAL_SD,
    noise_prior,
    squared_distances,
)

_LINEAR_MEDIAN, _LINEAR_SD = 1.0, 1.5
# A level's theta: two categories agree by e^-.5, a short decay with a full one by e^-.15, before
# a score has been seen; two sds say as good as nothing, and as good as all.
_THETA_MEDIAN, _THETA_SD = 0.5, 1.5
_SHORT_THETA_MEDIAN, _SHORT_NOISE_SD, _SHORT_SCALE_SD = 0.15, 0.7, 0.5
_OFFSET_MEDIAN, _OFFSET_SD = 0.3, 1.5
# The mode is looked for on so many trials, spread over all; more are conditioned on.
_MODE_TRIALS = 128
_MAX_STEPS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """N distinct points (N, K + F), mixtures with their levels; a target each (less is better), and
    how often it was measured.
    """

    points: Array
    targets: Array
    repeats: Array
    layout: Layout
    # Variance of one trial's noise by repeats, and its degrees of freedom; 0 where none repeats.
    noise_variance: float = 0.0
    noise_df: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One benchmark's posterior, of full decays in the target's own units; at the points of short
    ones in those of full ones, as far as they go together.
    """

    mode: Array
    points: Array
    layout: Layout
    factor: Array
    alpha: Array
    level: float
    scale: float

    def noise_variance(self, points: Array) -> Array:
        """(P,) of one trial, in the target's own units."""
        return self.scale**2 * self.layout.noise(points, self.mode)

    def mean(self, points: Array) -> Array:
        cross = covariance(points, self.points, self.mode, self.layout)
        return np.asarray(self.level + self.scale * cross @ self.alpha)

    def known(self, points: Array) -> Array:
        """(N, P): what the trials know of these points; its inner products are lost variance."""
        cross = covariance(self.points, points, self.mode, self.layout)
        return np.asarray(solve_triangular(self.factor, cross, lower=True, check_finite=False))


@dataclass(frozen=True, kw_only=True, slots=True)
class Posterior:
    """Of the objective: the weighted sum of its benchmarks, taken as independent given the mixture.

    In units of the objective as a loss.
    """

    parts: tuple[tuple[float, Process], ...]

    def noise_variance(self, points: Array) -> Array:
        """(P,) of one trial at each point."""
        return np.asarray(
            sum(weight**2 * part.noise_variance(points) for weight, part in self.parts)
        )

    def mean(self, points: Array) -> Array:
        return np.asarray(sum(weight * part.mean(points) for weight, part in self.parts))

    def variance(self, points: Array) -> Array:
        found = np.zeros(len(points))
        for weight, part in self.parts:
            prior = prior_variance(points, part.mode, part.layout)
            left = prior - np.sum(part.known(points) ** 2, axis=0)
            found += (weight * part.scale) ** 2 * left
        return np.maximum(found, 1e-12)

    def covariance(self, points: Array) -> Array:
        """(P, P) of the noise-free objective."""
        found = np.zeros((len(points), len(points)))
        for weight, part in self.parts:
            known = part.known(points)
            left = covariance(points, points, part.mode, part.layout) - known.T @ known
            found += (weight * part.scale) ** 2 * left
        return found


def fit(measured: Measured, start: Array | None = None, max_steps: int = _MAX_STEPS) -> Process:
    """The posterior at the mode; `start`, from an earlier fit, saves most of the steps."""
    points, layout = measured.points, measured.layout
    is_short = layout.is_short(points)
    of_full = measured.targets[~is_short] if (~is_short).any() else measured.targets
    level, scale = float(of_full.mean()), float(of_full.std()) or 1.0
    targets = (measured.targets - level) / scale
    short_scale = 1.0
    if is_short.any():
        # A short decay ends higher: its level is its own.
        of_short = measured.targets[is_short]
        targets[is_short] = (of_short - of_short.mean()) / scale
        short_scale = float(of_short.std()) / scale or 1.0
    noise = 1.0 / measured.repeats
    prior = _prior(measured, scale, short_scale)
    centre, sd = prior
    rows = np.unique(np.linspace(0, len(targets) - 1, _MODE_TRIALS).astype(int))
    mode = centre if start is None or len(start) != len(centre) else start
    if max_steps > 0 and len(targets) > 1:
        # Not above: a controller at rest does without it.
        from scipy.optimize import minimize

        found = minimize(
            loss,
            np.clip(mode, centre - 5 * sd, centre + 5 * sd),
            args=(points[rows], targets[rows], noise[rows], prior, layout),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(centre - 6 * sd, centre + 6 * sd, strict=True)),
            options={"maxiter": max_steps},
        )
        mode = found.x
    if layout.has_short:
        targets = np.where(is_short, targets * np.exp(-mode[layout.short_noise + 1]), targets)
    total = covariance(points, points, mode, layout)
    total[np.diag_indices(len(targets))] += layout.noise(points, mode) * noise + JITTER
    factor = cholesky(total, lower=True, check_finite=False)
    return Process(
        mode=mode,
        points=points,
        layout=layout,
        factor=factor,
        alpha=cho_solve((factor, True), targets),
        level=level,
        scale=scale,
    )


def posterior_of(
    parts: Sequence[tuple[float, Measured]],
    starts: Sequence[Array | None],
    max_steps: int = _MAX_STEPS,
) -> Posterior:
    """Of the sum of benchmarks, each with its weight."""
    return Posterior(
        parts=tuple(
            (weight, fit(measured, start, max_steps))
            for (weight, measured), start in zip(parts, starts, strict=True)
        )
    )


def _prior(measured: Measured, scale: float, short_scale: float = 1.0) -> Array:
    """(2, H) means and sds of the hyperparameters' logarithms."""
    layout = measured.layout
    of_points = features(measured.points, layout)
    away = np.sqrt(squared_distances(of_points, of_points)[np.triu_indices(len(of_points), 1)])
    median = float(np.median(away)) if len(away) and np.median(away) > 0 else 1.0
    priors = [(np.log(LENGTH_MEDIAN * median), LENGTH_SD)] * layout.num_sources
    priors += [(np.log(_THETA_MEDIAN), _THETA_SD)] * layout.num_levels
    if layout.has_short:
        priors[-1] = (np.log(_SHORT_THETA_MEDIAN), _THETA_SD)
    if layout.num_levels:
        priors.append((np.log(_OFFSET_MEDIAN), _OFFSET_SD))
    if layout.has_short:
        priors += [(0.0, _SHORT_NOISE_SD), (np.log(short_scale), _SHORT_SCALE_SD)]
    priors += [(np.log(_LINEAR_MEDIAN), _LINEAR_SD), (0.0, SIGNAL_SD)]
    priors.append(noise_prior(measured.noise_variance, measured.noise_df, scale))
    return np.array(priors).T
