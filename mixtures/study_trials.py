"""A study's completed trials in the form that `decaymix fit` has a team's own in: one way to a fit.

One point a mixture, called by its first trial. What a seed does to all mixtures is taken out, so
that mixtures which ran on different seeds compare; what is left of the repeats is noise. The
objective's weights stand for benchmarks that are measured: one that only sums up others is taken
apart into them, where the study ranks them too.
"""

from collections.abc import Sequence

import numpy as np

from mixtures.flagged import aggregates_of
from mixtures.observation import Key, Observation, mixture_key
from mixtures.own_trials import DIGITS, OwnTrials, objective_weights
from mixtures.seed_effects import seed_effects
from mixtures.study import StudySpec


def study_trials(study: StudySpec, complete: Sequence[Observation]) -> OwnTrials:
    """Of trials with all their scores, at least one."""
    sources = [source.name for source in study.sources]
    groups: dict[Key, list[int]] = {}
    for row, trial in enumerate(complete):
        groups.setdefault(mixture_key(trial.shares), []).append(row)
    shares = np.array(
        [[complete[rows[0]].shares.get(s, 0.0) for s in sources] for rows in groups.values()]
    )
    # Points in the order that `join` gives a table's, so that folds are the same.
    order = np.lexsort(shares.round(DIGITS).T[::-1]).tolist()
    of_points = [list(groups.values())[row] for row in order]
    points = np.empty(len(complete), dtype=np.int64)
    for point, rows in enumerate(of_points):
        points[rows] = point
    weights = _weights(study, complete)
    seeds = [trial.seed for trial in complete]
    values, seed_df = {}, {}
    for name in weights:
        scores = np.array([trial.scores[name] for trial in complete])
        found = seed_effects(points, seeds, scores)
        without, seed_df[name] = scores - found.effects, found.df
        values[name] = tuple(tuple(without[rows].tolist()) for rows in of_points)
    shares = shares[order]
    return OwnTrials(
        sources=tuple(sources),
        shares=shares / shares.sum(axis=1, keepdims=True),
        point_of={complete[rows[0]].trial_id: int(points[rows[0]]) for rows in groups.values()},
        weights=weights,
        values=values,
        objective={
            complete[rows[0]].trial_id: tuple(
                study.objective.value(complete[row].scores) for row in rows
            )
            for rows in groups.values()
        },
        warnings=(),
        seed_df=seed_df,
    )


def _weights(study: StudySpec, complete: Sequence[Observation]) -> dict[str, float]:
    """By benchmark, summing to 1 but for what an aggregate's own weights say."""
    names = list(complete[0].scores)
    own = {name: study.objective.weight_of(name) for name in names}
    weighted = {name: weight for name, weight in own.items() if weight > 0}
    aggregates = []
    if study.trained_by == "outside":
        found = aggregates_of({one.trial_id: one.scores for one in complete})
        aggregates = [one for one in found if one.weights.keys() <= set(names)]
    return objective_weights(names, aggregates, weighted)
