"""A team's mixtures and scores, joined, checked, and brought into the form that surrogates take.

What is not used is told: `DataWarning` names the trial, the column and why. Repeats of one mixture,
under one id or several, become one point: their mean, with the noise that the repeats show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixtures.noise import fit_prior
from mixtures.own_tables import BadTable, Mixtures, Scores
from mixtures.stored_aggregates import StoredAggregate, stored_aggregates
from mixtures.surrogates.seam import Array, Rows, Trials

# Shares that agree to this many digits are one mixture.
DIGITS = 9
# How much noisier or calmer than ordinary a point may be taken to be: repeats are few.
NOISE_RANGE = (0.1, 10.0)
# A point's own variance is drawn to the common one as if that were known with so many degrees of
# freedom at least: two runs that agree by chance must not make a point ten times as sure.
LEAST_PRIOR_DF = 6.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DataWarning:
    """One score that was not used, or a column. Either `stored` and `recomputed`, or `reason`."""

    id: str | None
    column: str
    stored: float | None = None
    recomputed: float | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, str | float | None]:
        head: dict[str, str | float | None] = {"id": self.id, "column": self.column}
        if self.reason is not None:
            return {**head, "reason": self.reason}
        return {**head, "stored": self.stored, "recomputed": self.recomputed}


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTrials:
    """P distinct mixtures, and per metric the runs there.

    `point_of` says where each id lies; ids whose scores contradict each other are not in it.
    `weights` are the objective's: it is the sum of weight times metric.
    """

    sources: tuple[str, ...]
    shares: Array  # (P, K)
    point_of: dict[str, int]
    weights: dict[str, float]
    values: dict[str, tuple[tuple[float, ...], ...]]  # metric -> point -> runs
    objective: dict[str, tuple[float, ...]]  # id -> objective of each whole run
    warnings: tuple[DataWarning, ...]
    # Per metric: degrees of freedom that went to the effects of seeds, where these were taken out.
    seed_df: dict[str, float] = field(default_factory=dict)

    def points_with(self, metric: str) -> Rows:
        return np.flatnonzero([len(runs) > 0 for runs in self.values[metric]])

    def trials(self, metric: str, sign: float, folds: NDArray[np.int64]) -> Trials:
        """What a surrogate of `metric` learns from; `folds` (P,), `sign` -1 if more is better."""
        rows = self.points_with(metric)
        runs = [np.array(self.values[metric][row]) for row in rows]
        counts = np.array([len(one) for one in runs])
        variance, df, relative = noise_of_repeats(runs, self.seed_df.get(metric, 0.0))
        own_folds = folds[rows]
        if len(np.unique(own_folds)) < min(len(np.unique(folds)), len(rows)):
            # A metric with few scores, all in one fold: nothing would be left to learn from.
            own_folds = np.arange(len(rows), dtype=np.int64) % len(np.unique(folds))
        return Trials(
            shares=self.shares[rows],
            targets=sign * np.array([one.mean() for one in runs]),
            noise=relative / counts,
            folds=own_folds,
            noise_variance=variance,
            noise_df=df,
        )


def noise_of_repeats(runs: Sequence[Array], spent_df: float = 0.0) -> tuple[float, float, Array]:
    """The variance of one run's noise, its degrees of freedom, and each point's against it (P,).

    Noise depends on the mixture (Marin #2345), so a repeated point has its own variance, moderated
    by the others'; a point without repeats is ordinary. (0, 0, ones) where repeats tell nothing.
    `spent_df` of the repeats' degrees of freedom have gone elsewhere.
    """
    relative = np.ones(len(runs))
    repeated = [i for i, one in enumerate(runs) if len(one) > 1]
    if not repeated:
        return 0.0, 0.0, relative
    own = np.array([runs[i].var(ddof=1) for i in repeated])
    dfs = np.array([len(runs[i]) - 1.0 for i in repeated])
    left = float(dfs.sum()) - spent_df
    if left <= 0.0:
        return 0.0, 0.0, relative
    own = own * dfs.sum() / left
    ordinary = float(dfs @ own / dfs.sum())
    if ordinary <= 0.0:
        return 0.0, 0.0, relative
    prior_df = max(fit_prior(own.tolist(), dfs.tolist())[0], LEAST_PRIOR_DF)
    if np.isfinite(prior_df):
        moderated = (prior_df * ordinary + dfs * own) / (prior_df + dfs)
        relative[repeated] = np.clip(moderated / ordinary, *NOISE_RANGE)
    return ordinary, left, relative


def join(mixtures: Mixtures, scores: Scores, metrics: Mapping[str, float] | None) -> OwnTrials:
    """The trials, with `metrics` (name to weight) as objective; None: the mean of all columns.

    Raises BadTable where an id has no mixture, a metric has no column or a weight is not above 0.
    """
    known = set(mixtures.ids)
    for row in scores.rows:
        if row.id not in known:
            raise BadTable(f"scores: id {row.id!r} is not in the mixtures file")
    aggregates = stored_aggregates(scores)
    weights = objective_weights(scores.metrics, aggregates, metrics)
    wrong, warnings = _wrong_rows(scores, aggregates)
    distinct = np.unique(mixtures.shares.round(DIGITS), axis=0, return_inverse=True)[1].ravel()
    first = np.unique(distinct, return_index=True)[1]
    values: dict[str, list[list[float]]] = {name: [[] for _ in first] for name in weights}
    point_of_id = dict(zip(mixtures.ids, distinct.tolist(), strict=True))
    wrong_ids = {scores.rows[row].id for row in wrong}
    point_of = {name: point for name, point in point_of_id.items() if name not in wrong_ids}
    objective: dict[str, list[float]] = {name: [] for name in point_of}
    for number, row in enumerate(scores.rows):
        if number in wrong:
            continue
        point = point_of_id[row.id]
        for name in weights:
            if name in row.values:
                values[name][point].append(row.values[name])
            else:
                warnings.append(DataWarning(id=row.id, column=name, reason=row.missing[name]))
        # A trial of which one repeat contradicts itself is listed by its other repeats.
        if weights.keys() <= row.values.keys():
            whole = sum(weight * row.values[name] for name, weight in weights.items())
            objective.setdefault(row.id, []).append(whole)
            point_of.setdefault(row.id, point)
    scored = {row.id for row in scores.rows}
    warnings += [
        DataWarning(id=name, column=column, reason="no row in the scores file")
        for name in mixtures.ids
        if name not in scored
        for column in weights
    ]
    return OwnTrials(
        sources=mixtures.sources,
        shares=mixtures.shares[first],
        point_of={name: point_of[name] for name in mixtures.ids if name in point_of},
        weights=weights,
        values={name: tuple(tuple(runs) for runs in of) for name, of in values.items()},
        objective={name: tuple(runs) for name, runs in objective.items()},
        warnings=tuple(warnings),
    )


def objective_weights(
    columns: Sequence[str],
    aggregates: Sequence[StoredAggregate],
    metrics: Mapping[str, float] | None,
) -> dict[str, float]:
    """Weight per metric that is measured: an aggregate is taken apart into its parts.

    Raises BadTable where a metric is no column or weighs nothing.
    """
    parts = {one.column: one.weights for one in aggregates}
    if metrics is None:
        own = [name for name in columns if name not in parts]
        return dict.fromkeys(own, 1.0 / len(own))
    for name, weight in metrics.items():
        if name not in columns:
            raise BadTable(f"--metric {name!r} is no column of the scores; there are {columns}")
        if not 0 < weight < float("inf"):
            raise BadTable(f"--metric {name} weighs {weight:g}, expected above 0")
    total = sum(metrics.values())
    weights: dict[str, float] = {}
    for name, weight in metrics.items():
        for part, share in parts.get(name, {name: 1.0}).items():
            weights[part] = weights.get(part, 0.0) + weight / total * share
    return weights


def _wrong_rows(
    scores: Scores, aggregates: Sequence[StoredAggregate]
) -> tuple[set[int], list[DataWarning]]:
    wrong: set[int] = set()
    warnings = []
    for aggregate in aggregates:
        for number in aggregate.wrong_rows:
            row = scores.rows[number]
            wrong.add(number)
            warnings.append(
                DataWarning(
                    id=row.id,
                    column=aggregate.column,
                    stored=row.values[aggregate.column],
                    recomputed=float(aggregate.recomputed[number]),
                )
            )
    return wrong, warnings
