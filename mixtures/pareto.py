"""The Pareto front over several objectives, with the probability of being on it.

A mixture is on the front where no other is at least as good in every objective and better in one.
Of noisy scores the front is mostly luck: with three objectives half of a dozen equal mixtures are
on it. So beside the front of the means each mixture has the share of joint posterior draws in which
it is on the front of the draw.

Draws are joint over mixtures, by each objective's posterior, and over objectives: two benchmarks of
one run err together, so the errors at left-out trials are correlated, and the draws are as well.
With L_m L_m' the covariance of objective m and R the correlation of errors,
cov(f_m, f_n) = R_mn L_m L_n', as in a coregionalised process; R is drawn to the identity.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mixtures.best_of_pool import JITTER
from mixtures.fitted import Fitted
from mixtures.front import ParetoFront, ParetoObjective, ParetoRow
from mixtures.named_objectives import Asked, metric_of
from mixtures.observation import Observation, shares_key
from mixtures.study import StudySpec
from mixtures.study_fits import StudyFits, fit_study
from mixtures.surrogates.seam import Array

NUM_DRAWS = 2000
DRAW_SEED = 0
# How many trials' worth of belief the independence of errors starts with.
INDEPENDENT_TRIALS = 4.0
# A draw's comparison of all with all is taken for so many pairs at once.
CHUNK_PAIRS = 4_000_000


def pareto_front(
    study: StudySpec,
    asked: Sequence[Asked],
    observations: Sequence[Observation],
    signs: Mapping[str, float],
) -> ParetoFront:
    """Over the objectives `asked`, whose parts are what the observations' scores are called.

    `signs` are of the parts. Raises NotEnoughTrials.
    """
    fits = fit_study(study, observations, signs)
    fitted = [fits.of(one.weights) for one in asked]
    moments = [one.joint(fits.shares) for one in fitted]
    means = np.stack([mean for mean, _ in moments])
    correlation = error_correlation(fitted)
    raw = np.stack([fits.raw_of(one.weights) for one in asked])
    drawn = coupled_draws(moments, correlation, NUM_DRAWS, np.random.default_rng(DRAW_SEED))
    probability = probability_on_front(drawn)
    on_raw, on_mean = on_front(raw), on_front(means)
    baselines = {n: shares_key(m.shares) for n, m in study.baseline_mixtures.items()}
    trials = _trials_by_mixture(fits)
    rows = []
    for place in np.lexsort((fits.sft_shares, -probability)).tolist():
        shares = dict(zip(fits.sources, fits.shares[place].tolist(), strict=True))
        key = shares_key(shares)
        rows.append(
            ParetoRow(
                shares=shares,
                sft_share=round(float(fits.sft_shares[place]), 9),
                trial_ids=trials[key],
                is_baseline=tuple(name for name, one in baselines.items() if one == key),
                raw={one.name: float(one.sign * raw[m, place]) for m, one in enumerate(asked)},
                mean={one.name: float(one.sign * means[m, place]) for m, one in enumerate(asked)},
                sd={
                    one.name: float(np.sqrt(max(moments[m][1][place, place], 0.0)))
                    for m, one in enumerate(asked)
                },
                on_raw_front=bool(on_raw[place]),
                on_front=bool(on_mean[place]),
                p_on_front=float(probability[place]),
            )
        )
    return ParetoFront(
        objectives=tuple(
            ParetoObjective(
                name=one.name,
                metric=metric_of(one, study),
                direction="minimise" if one.sign > 0 else "maximise",
                benchmarks=one.weights,
                r_squared=fit.r_squared,
            )
            for one, fit in zip(asked, fitted, strict=True)
        ),
        rows=tuple(rows),
        error_correlation=tuple(tuple(row) for row in correlation.tolist()),
        surrogate=fits.surrogate,
        as_of=fits.as_of,
        subset=fits.subset,
        notes=fits.notes,
    )


def on_front(losses: Array) -> NDArray[np.bool_]:
    """(P,) whether no other column of `losses` (M, P) is as low everywhere and lower once."""
    is_on: NDArray[np.bool_] = _on_fronts(losses[None])[0]
    return is_on


def probability_on_front(draws: Array) -> Array:
    """(P,) the share of the S draws (S, M, P) in which each mixture is on the draw's front."""
    size = max(1, CHUNK_PAIRS // draws.shape[2] ** 2)
    counts = np.zeros(draws.shape[2])
    for start in range(0, len(draws), size):
        counts += _on_fronts(draws[start : start + size]).sum(axis=0)
    return np.asarray(counts / len(draws))


def _on_fronts(losses: Array) -> NDArray[np.bool_]:
    """(S, P) of S sets of losses (S, M, P)."""
    no_worse = np.ones((len(losses), losses.shape[2], losses.shape[2]), dtype=bool)
    better = np.zeros_like(no_worse)
    for m in range(losses.shape[1]):
        row, column = losses[:, m, :, None], losses[:, m, None, :]
        no_worse &= row <= column
        better |= row < column
    is_beaten = np.any(no_worse & better, axis=1)
    return np.asarray(~is_beaten)


def error_correlation(fitted: Sequence[Fitted]) -> Array:
    """(M, M) of left-out errors, drawn to the identity as if some independent trials were seen."""
    errors = np.stack([one.out_of_fold_errors for one in fitted])
    scale = np.sqrt(np.mean(errors**2, axis=1))
    errors = errors / np.where(scale > 0, scale, 1.0)[:, None]
    count = errors.shape[1]
    found = np.asarray((errors @ errors.T) / (count + INDEPENDENT_TRIALS))
    np.fill_diagonal(found, 1.0)
    return found


def coupled_draws(
    moments: Sequence[tuple[Array, Array]],
    correlation: Array,
    num_draws: int,
    rng: np.random.Generator,
) -> Array:
    """(S, M, P): normal in each objective by its mean (P,) and covariance (P, P)."""
    root = np.linalg.cholesky(correlation)
    normal = rng.standard_normal((num_draws, len(moments), len(moments[0][0])))
    normal = np.einsum("mn,snp->smp", root, normal)
    drawn = np.empty(normal.shape)
    for m, (mean, covariance) in enumerate(moments):
        drawn[:, m] = mean + normal[:, m] @ _root(covariance).T
    return drawn


def _root(covariance: Array) -> Array:
    """(P, P) whose product with its transpose is the covariance: symmetric, so that the roots of
    two objectives speak of the same mixtures.
    """
    values, vectors = np.linalg.eigh(covariance)
    values = np.where(values > JITTER * max(values[-1], 0.0), values, 0.0)
    return np.asarray((vectors * np.sqrt(values)) @ vectors.T)


def _trials_by_mixture(fits: StudyFits) -> dict[tuple[tuple[str, float], ...], tuple[str, ...]]:
    found: dict[tuple[tuple[str, float], ...], tuple[str, ...]] = {}
    for trial in fits.trials:
        key = shares_key(trial.shares)
        found[key] = (*found.get(key, ()), trial.trial_id)
    return found
