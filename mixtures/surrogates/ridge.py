"""Ridge regression on shares and their roots: few parameters, and no way to go wild.

The regression of RegMix and Olmix is linear in the shares; with roots beside them the first per
cent of a source may count most. On RegMix's Pile-CC loss (n = 32) roots raise the rank correlation
from .71 to .94 (FACTS, section 6). The penalty is the one with the least leave-one-out error, in
closed form:  e_i / (1 - H_ii)  (Golub, Heath & Wahba 1979, Technometrics 21(2), equation 1.2).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.seam import Array, Learned, LearnedFit, Trials, fit_with_folds

# The penalties tried, in units of the largest squared singular value of the centred features.
PENALTIES = np.geomspace(1e-6, 1e2, 33)
# Below RegMix's smallest share above zero, 1e-3.
SMALLEST_SHARE = 0.003


def shares_alone(shares: Array) -> Array:
    """(P, K): the linear model."""
    return shares


def shares_and_roots(shares: Array) -> Array:
    """(P, 2K)."""
    return np.hstack([shares, np.sqrt(shares)])


def shares_roots_and_logs(shares: Array) -> Array:
    """(P, 3K); logs in units of their range, so that one penalty suits all."""
    logs = np.log(shares + SMALLEST_SHARE) / -np.log(SMALLEST_SHARE)
    return np.hstack([shares, np.sqrt(shares), logs])


@dataclass(frozen=True, kw_only=True, slots=True)
class Ridge:
    """Ridge on `features`, each row weighted by the inverse of its noise variance."""

    name: str
    features: Callable[[Array], Array]

    def fit(self, trials: Trials) -> LearnedFit:
        return fit_with_folds(trials, self._learn)

    def _learn(self, trials: Trials) -> Learned:
        inputs = self.features(trials.shares)
        center, level, slopes, spread = ridge(inputs, trials.targets, trials.weights)
        of_level = spread[-1]

        def spread_at(shares: Array) -> Array:
            own = (self.features(shares) - center) @ spread[:-1]
            return np.column_stack([own, np.full(len(shares), of_level[0])])

        return Learned(
            mean=lambda shares: level + (self.features(shares) - center) @ slopes,
            spread=spread_at,
        )


def ridge(inputs: Array, targets: Array, weights: Array) -> tuple[Array, float, Array, Array]:
    """Centre (F,) of the inputs, level and slopes (F,) at the penalty that leaves one out best.

    Last a root (F + 1, R) of their posterior covariance, slopes first, the level in the last row's
    first entry: that of Bayesian linear regression with the penalty as prior, and as variance of
    the errors the leave-one-out one, in which lack of fit counts.
    """
    share = weights / weights.sum()
    center, level = share @ inputs, float(share @ targets)
    root = np.sqrt(weights)
    left, sizes, right = np.linalg.svd(root[:, None] * (inputs - center), full_matrices=False)
    wanted = root * (targets - level)
    turned = left.T @ wanted
    scale = max(float(sizes[0]) ** 2, np.finfo(float).tiny)
    kept = sizes**2 / (sizes**2 + scale * PENALTIES[:, None])  # (penalties, ranks)
    errors = wanted - (kept * turned) @ left.T
    # The weighted mean takes one more degree of freedom.
    leverage = kept @ (left.T**2) + share
    left_out = np.mean((errors / np.maximum(1.0 - leverage, 1e-9)) ** 2, axis=1)
    best = int(np.argmin(left_out))
    penalised = sizes**2 + scale * PENALTIES[best]
    error = float(np.sqrt(left_out[best]))
    spread = np.zeros((inputs.shape[1] + 1, len(sizes)))
    spread[:-1] = error * right.T / np.sqrt(penalised)
    spread[-1, 0] = error / np.sqrt(weights.sum())
    return center, level, right.T @ (sizes / penalised * turned), spread


LINEAR = Ridge(name="linear", features=shares_alone)
RIDGE = Ridge(name="ridge", features=shares_and_roots)
RIDGE_WITH_LOGS = Ridge(name="ridge_logs", features=shares_roots_and_logs)
