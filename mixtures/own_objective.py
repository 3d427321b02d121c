"""The surrogates of a team's objective, and the scores that the other trials contradict.

One bad run, a wrong file or a diverged evaluation, can be many sds from the truth, and a Gaussian
process must then believe in noise everywhere or in a cliff. Such a score is not used and is told.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mixtures.fitted import is_constant
from mixtures.own_tables import BadTable
from mixtures.own_trials import DataWarning, OwnTrials
from mixtures.surrogates.objective_fit import ObjectiveFit, combine
from mixtures.surrogates.seam import Rows, assign_folds
from mixtures.surrogates.stack import fit_stacks

NUM_FOLDS = 5
# Up to this many mixtures each is left out alone: a fifth of 14 is much of what is known, and in
# simulated studies the probability of the true best was the higher for it.
MAX_SINGLE_FOLDS = 24
# Three points are the least that leave two when one is left out.
MIN_POINTS = 3
# A score this many robust sds from what the other trials say is not used. Errors at odd mixtures,
# which are less well known, are measured in their own sd; normal ones never reach 8.
OUTLIER_SDS = 8.0
MIN_POINTS_FOR_OUTLIERS = 12
# A median absolute deviation times this is the sd of normal errors.
MAD_TO_SD = 1.4826


def fit_objective(trials: OwnTrials, sign: float, seed: int) -> ObjectiveFit:
    """A stack for each metric that moves, summed and calibrated; a constant one adds its constant.

    `sign` is -1 where more is better: the fit is of losses. Raises BadTable where fewer than three
    mixtures have a score in some metric.
    """
    num_points = len(trials.shares)
    num_folds = num_points if num_points <= MAX_SINGLE_FOLDS else NUM_FOLDS
    folds = assign_folds(num_points, num_folds, seed)
    targets, rows, constant = {}, {}, 0.0
    for name, weight in trials.weights.items():
        rows[name] = trials.points_with(name)
        if len(rows[name]) < MIN_POINTS:
            raise BadTable(
                f"scores: {len(rows[name])} mixtures have a usable score in {name!r}, expected "
                f"{MIN_POINTS} or more"
            )
        own = trials.trials(name, sign, folds)
        if is_constant(own.targets):
            constant += weight * float(own.targets[0])
        else:
            targets[name] = own
    stacks = dict(zip(targets, fit_stacks(list(targets.values())), strict=True)) if targets else {}
    fit = combine(stacks, rows, trials.weights, num_points, constant)
    # A trial without its score in a constant metric is no whole trial either.
    is_whole = np.ones(num_points, dtype=bool)
    for have in rows.values():
        is_whole &= np.isin(np.arange(num_points), have)
    return replace(
        fit,
        targets=np.where(is_whole, fit.targets, np.nan),
        out_of_fold=np.where(is_whole, fit.out_of_fold, np.nan),
    )


def outliers(fit: ObjectiveFit) -> dict[str, Rows]:
    """Points per metric whose scores the trials of other folds contradict."""
    found = {}
    for name, stack, rows in zip(fit.names, fit.stacks, fit.rows, strict=True):
        if len(rows) < MIN_POINTS_FOR_OUTLIERS:
            continue
        errors = stack.trials.targets - stack.out_of_fold
        variance = stack.out_of_fold_variance + stack.noise_variance * stack.trials.noise
        scores = np.abs(errors) / np.sqrt(variance)
        far = scores > OUTLIER_SDS * max(MAD_TO_SD * float(np.median(scores)), 1.0)
        if far.any():
            found[name] = rows[far]
    return found


def without_outliers(trials: OwnTrials, points: Mapping[str, Rows]) -> OwnTrials:
    """The trials without the scores at these points, with a warning for each id there."""
    values = dict(trials.values)
    warnings = list(trials.warnings)
    objective = dict(trials.objective)
    for name, far in points.items():
        runs = list(values[name])
        for point in far.tolist():
            runs[point] = ()
            for identity, own in trials.point_of.items():
                if own == point:
                    objective[identity] = ()
                    warnings.append(
                        DataWarning(
                            id=identity,
                            column=name,
                            reason="the other trials contradict this score by far; it is not used",
                        )
                    )
        values[name] = tuple(runs)
    return replace(trials, values=values, objective=objective, warnings=tuple(warnings))
