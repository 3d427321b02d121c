"""The law of effective data:  target = floor + (c_0 + sum_i c_i share_i ^ g_i) ^ -b.

Sources stand in for one another: what a metric learns from is one sum over them, each with its own
worth c_i and its own diminishing return g_i, and the loss is a power of that sum. With b = 1 it is
equation 6 of "Scaling Laws for Optimal Data Mixtures" (https://arxiv.org/abs/2507.09404). Here b is
one half, nearer to the exponents by which losses fall with data: it predicts RegMix's untried runs
better at every number of trials than 1, a quarter or a fitted b do (docs/decisions.md).

The c_i are positive, yet a source can do harm: its share is taken from others. All parameters are
logarithms with normal priors, so that 16 trials of 17 sources give an answer; the variance of the
errors is the one of greatest evidence on a grid (Laplace's approximation; MacKay 1992, Neural
Computation 4(3), section 3). Found by MINPACK's Levenberg-Marquardt, through SciPy.
"""

from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.seam import Array, Learned, LearnedFit, Trials, bounded

# b.
POWER = 0.5
# Medians or means, and sds: of log c_i around their mean, of that mean, of log g_i, of the floor
# (in sds of the target, from its mean) and of log c_0.
WORTH_SD, LEVEL_SD = 2.5, 3.0
RETURN_MEDIAN, RETURN_SD = 0.5, 0.5
FLOOR_MEAN, FLOOR_SD = -2.5, 1.5
REST_MEAN, REST_SD = -2.0, 1.5
# Where the search starts: c_i that put a middling mixture about the mean.
START_WORTH = -1.5
# Variances of one trial's error, lack of fit in it, in units of the target's; their prior's median
# and sd (in log).
ERRORS = np.geomspace(0.01, 1.0, 5)
ERROR_MEDIAN, ERROR_SD = 0.1, 1.5
# Keeps the slope of a small power finite at share 0.
SMALLEST_SHARE = 1e-4
MAX_EXPONENT = 30.0
MAX_EVALUATIONS, TOLERANCE = 200, 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveDataLaw:
    """One law per target."""

    name: str = "effective_data_law"

    def fit(self, trials: Trials) -> LearnedFit:
        level, scale = float(trials.targets.mean()), float(trials.targets.std()) or 1.0
        standard = (trials.targets - level) / scale
        error, parameters = _of_greatest_evidence(trials.shares, standard, trials.weights)
        out_of_fold, variance = np.empty(len(trials)), np.empty(len(trials))
        for kept, left_out in trials.splits():
            shares, weights = trials.shares[kept], trials.weights[kept]
            at = _descend(shares, standard[kept], weights, error, parameters)
            root = _posterior_root(shares, weights, error, at)
            out_of_fold[left_out] = law(trials.shares[left_out], at)
            variance[left_out] = np.sum((_slopes(trials.shares[left_out], at) @ root) ** 2, axis=1)
        posterior = _posterior_root(trials.shares, trials.weights, error, parameters)
        return LearnedFit(
            learned=Learned(
                mean=lambda shares: level + scale * law(shares, parameters),
                spread=lambda shares: bounded(
                    scale * (_slopes(shares, parameters) @ posterior), scale
                ),
            ),
            out_of_fold=level + scale * out_of_fold,
            out_of_fold_variance=scale**2 * np.minimum(variance, 1.0),
        )


def law(shares: Array, parameters: Array) -> Array:
    """(P,) at the mixtures `shares` (P, K); `parameters` are log c_1 to log c_K, log g_1 to log
    g_K, the floor and log c_0.
    """
    values: Array = parameters[-2] + _terms(shares, parameters)[1] ** -POWER
    return values


def _of_greatest_evidence(shares: Array, targets: Array, weights: Array) -> tuple[float, Array]:
    """The errors' variance, and the parameters there."""
    found, at = [], _start(shares.shape[1])
    # From large errors to small ones, each from where the last one ended.
    for error in ERRORS[::-1].tolist():
        at = _descend(shares, targets, weights, error, at)
        found.append((_log_evidence(shares, targets, weights, error, at), error, at))
    _, error, parameters = max(found, key=lambda one: one[0])
    return error, parameters


def _start(num_sources: int) -> Array:
    return np.concatenate(
        [
            np.full(num_sources, START_WORTH),
            np.full(num_sources, np.log(RETURN_MEDIAN)),
            [FLOOR_MEAN, REST_MEAN],
        ]
    )


def _terms(shares: Array, parameters: Array) -> tuple[Array, Array]:
    """(P, K) what each source gives, and (P,) the sum with c_0."""
    num_sources = shares.shape[1]
    worth, returns = parameters[:num_sources], np.exp(parameters[num_sources:-2])
    exponents = worth + returns * np.log(shares + SMALLEST_SHARE)
    terms = np.exp(np.clip(exponents, -MAX_EXPONENT, MAX_EXPONENT))
    return terms, terms.sum(axis=1) + np.exp(parameters[-1])


def _slopes(shares: Array, parameters: Array) -> Array:
    """(P, 2K + 2): derivatives of the law by its parameters."""
    num_sources = shares.shape[1]
    terms, total = _terms(shares, parameters)
    by_term = (-POWER * total ** (-POWER - 1.0))[:, None] * terms
    returns = np.exp(parameters[num_sources:-2])
    by_return = by_term * returns * np.log(shares + SMALLEST_SHARE)
    by_rest = -POWER * total ** (-POWER - 1.0) * np.exp(parameters[-1])
    return np.column_stack([by_term, by_return, np.ones(len(shares)), by_rest])


def _prior(num_sources: int) -> tuple[Array, Array]:
    """(2K + 2, 2K + 2) root of the prior's precision and (2K + 2,) its centre."""
    root = np.zeros((2 * num_sources + 2, 2 * num_sources + 2))
    # Around their mean, and the mean itself: the covariance's inverse has these two eigenvalues.
    mean = np.full((num_sources, num_sources), 1.0 / num_sources)
    of_mean = 1.0 / (LEVEL_SD * np.sqrt(num_sources))
    root[:num_sources, :num_sources] = (np.eye(num_sources) - mean) / WORTH_SD + of_mean * mean
    others = np.arange(num_sources, 2 * num_sources + 2)
    root[others, others] = np.repeat(
        [1 / RETURN_SD, 1 / FLOOR_SD, 1 / REST_SD], [num_sources, 1, 1]
    )
    center = _start(num_sources)
    center[:num_sources] = 0.0
    return root, center


def _descend(shares: Array, targets: Array, weights: Array, error: float, start: Array) -> Array:
    """The parameters of greatest posterior density that are found from `start`."""
    prior, center = _prior(shares.shape[1])
    root = np.sqrt(weights / error)

    def residual(at: Array) -> Array:
        return np.concatenate([root * (law(shares, at) - targets), prior @ (at - center)])

    def jacobian(at: Array) -> Array:
        return np.vstack([root[:, None] * _slopes(shares, at), prior])

    # Not above: a controller at rest does without it.
    from scipy.optimize import least_squares

    found = least_squares(
        residual,
        start,
        jac=jacobian,
        method="lm",
        ftol=TOLERANCE,
        xtol=TOLERANCE,
        gtol=TOLERANCE,
        max_nfev=MAX_EVALUATIONS,
    )
    parameters: Array = found.x
    return parameters


def _precision(shares: Array, weights: Array, error: float, parameters: Array) -> Array:
    """(2K + 2, 2K + 2) of the parameters' posterior, by Laplace's approximation."""
    slopes = np.sqrt(weights / error)[:, None] * _slopes(shares, parameters)
    prior = _prior(shares.shape[1])[0]
    precision: Array = slopes.T @ slopes + prior.T @ prior
    return precision


def _posterior_root(shares: Array, weights: Array, error: float, parameters: Array) -> Array:
    """A root R of their covariance R R'."""
    factor = np.linalg.cholesky(_precision(shares, weights, error, parameters))
    root: Array = np.linalg.inv(factor).T
    return root


def _log_evidence(
    shares: Array, targets: Array, weights: Array, error: float, parameters: Array
) -> float:
    """Of an error variance with its prior, up to a constant."""
    prior, center = _prior(shares.shape[1])
    residual = weights @ (law(shares, parameters) - targets) ** 2 / error
    away = prior @ (parameters - center)
    log_det = np.linalg.slogdet(_precision(shares, weights, error, parameters))[1]
    own = (np.log(error / ERROR_MEDIAN) / ERROR_SD) ** 2
    return float(-0.5 * (residual + away @ away + len(targets) * np.log(error) + log_det + own))
