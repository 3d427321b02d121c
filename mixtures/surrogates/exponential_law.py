"""The exponential mixing law:  target = c + exp(t . shares).

Data Mixing Laws (https://arxiv.org/abs/2403.16952, equation 7) writes  c + k exp(sum t_j w_j);
shares sum to 1, so k is a constant in every t_j. It is a law of one metric: a sum of exponentials
is none, and fitted to an average of 13 losses it ranks at .39 where the average of 13 laws ranks at
.84 (FACTS, section 6). At scale it can be the best of all: at 1B Pile-CC follows it.

Targets are losses, that fall toward a floor c; a negated accuracy does too. Fitted by
Levenberg-Marquardt from two floors, with a weak ridge that draws the t_j to their mean: at 32
trials of 17 sources they are not all known.
"""

from dataclasses import dataclass

import numpy as np

from mixtures.surrogates.seam import Array, Learned, LearnedFit, Trials, bounded

# In units of the standardised target.
RIDGE = 0.02
# Floors to start from, below the least target, in units of the targets' range.
FLOORS = (0.1, 1.0)
MAX_STEPS = 60
TOLERANCE = 1e-6
MAX_DAMPING = 1e6
MAX_EXPONENT = 20.0
FLAT = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class ExponentialLaw:
    """One law per target."""

    name: str = "exponential_law"

    def fit(self, trials: Trials) -> LearnedFit:
        level, scale = float(trials.targets.mean()), float(trials.targets.std()) or 1.0
        standard = (trials.targets - level) / scale
        root = np.sqrt(trials.weights)
        starts = [_start(trials.shares, standard, root, floor) for floor in FLOORS]
        found = [_descend(trials.shares, standard, root, start) for start in starts]
        _, parameters = min(found, key=lambda one: one[0])
        out_of_fold, variance = np.empty(len(trials)), np.empty(len(trials))
        for kept, left_out in trials.splits():
            # From the law of all trials on: from afar each fold would cost as much as the whole.
            _, of_fold = _descend(trials.shares[kept], standard[kept], root[kept], parameters)
            out_of_fold[left_out] = law(trials.shares[left_out], of_fold)
            known = _posterior_root(trials.shares[kept], root[kept], of_fold)
            slopes = _slopes(trials.shares[left_out], of_fold)
            variance[left_out] = np.sum((slopes @ known) ** 2, axis=1)
        # Lack of fit counts as error, so the left-out errors are taken, not the residuals.
        error = scale * float(np.sqrt(np.mean((out_of_fold - standard) ** 2)))
        posterior = _posterior_root(trials.shares, root, parameters)
        return LearnedFit(
            learned=Learned(
                mean=lambda shares: level + scale * law(shares, parameters),
                spread=lambda shares: bounded(
                    error * (_slopes(shares, parameters) @ posterior), scale
                ),
            ),
            out_of_fold=level + scale * out_of_fold,
            out_of_fold_variance=np.minimum(error**2 * variance, scale**2),
        )


def law(shares: Array, parameters: Array) -> Array:
    """(P,) at the mixtures `shares` (P, K); `parameters` are t_1 to t_K and c."""
    exponent = np.clip(shares @ parameters[:-1], -MAX_EXPONENT, MAX_EXPONENT)
    values: Array = parameters[-1] + np.exp(exponent)
    return values


def _slopes(shares: Array, parameters: Array) -> Array:
    """(P, K + 1): derivatives of the law by t_1 to t_K and c."""
    rise = law(shares, parameters) - parameters[-1]
    return np.column_stack([rise[:, None] * shares, np.ones(len(shares))])


def _posterior_root(shares: Array, root: Array, parameters: Array) -> Array:
    """(K + 1, K + 1): a root of the parameters' covariance at errors of variance 1 (Laplace)."""
    num_sources = shares.shape[1]
    slopes = root[:, None] * _slopes(shares, parameters)
    precision = slopes.T @ slopes
    precision[:num_sources, :num_sources] += _centring(num_sources) @ _centring(num_sources)
    values, vectors = np.linalg.eigh(precision)
    # A direction in which the law is flat changes no prediction: it may not be divided by zero.
    posterior: Array = vectors / np.sqrt(np.maximum(values, FLAT))
    return posterior


def _centring(num_sources: int) -> Array:
    centring: Array = np.sqrt(RIDGE) * (np.eye(num_sources) - 1.0 / num_sources)
    return centring


def _start(shares: Array, targets: Array, root: Array, floor: float) -> Array:
    """What a linear fit to log(target - c) says, with c `floor` ranges below the targets."""
    num_sources = shares.shape[1]
    start = float(targets.min() - floor * (np.ptp(targets) or 1.0))
    logs = np.concatenate([root * np.log(targets - start), np.zeros(num_sources)])
    inputs = np.vstack([root[:, None] * shares, _centring(num_sources)])
    return np.append(np.linalg.lstsq(inputs, logs, rcond=None)[0], start)


def _descend(shares: Array, targets: Array, root: Array, start: Array) -> tuple[float, Array]:
    """(loss, parameters) of the minimum that is found downhill from `start`."""
    num_sources = shares.shape[1]
    ridge = np.hstack([_centring(num_sources), np.zeros((num_sources, 1))])

    def residual(at: Array) -> Array:
        return np.concatenate([root * (law(shares, at) - targets), ridge @ at])

    parameters, errors, damping = start, residual(start), 1e-2
    loss = float(errors @ errors)
    for _ in range(MAX_STEPS):
        rise = root * (law(shares, parameters) - parameters[-1])
        jacobian = np.vstack([np.column_stack([rise[:, None] * shares, root]), ridge])
        normal = jacobian.T @ jacobian
        damped = normal + damping * np.diag(np.diag(normal) + 1e-9)
        new = parameters - np.linalg.solve(damped, jacobian.T @ errors)
        new_errors = residual(new)
        new_loss = float(new_errors @ new_errors)
        if new_loss < loss:
            is_done = loss - new_loss < TOLERANCE * loss
            parameters, errors, loss, damping = new, new_errors, new_loss, max(damping / 5, 1e-9)
            if is_done:
                break
        else:
            damping *= 4
            if damping > MAX_DAMPING:
                break
    return loss, parameters
