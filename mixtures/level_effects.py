"""What a level of a factor does: schedule, rate, decay tokens, proxy and the like, with a band.

Read off the search's process over mixtures and levels (`search_gp.py`), in which what is learned at
one level counts for another as far as scores say. Every tried point, a mixture at its levels, is
moved to each level of the factor, all else as it is, and the means over the points are compared
(partial dependence, Friedman 2001, Annals of Statistics 29(5), section 8.2). Unlike shares, levels
are chosen apart from the mixture and from each other, so no point is moved where none was tried of
its kind; accumulated local effects (`factor_effects.py`) would be the same, and categories have no
order to accumulate in.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mixtures.best_of_pool import draw
from mixtures.factors import Axis, Level, Range
from mixtures.level_fit import LEAST_MIXTURES
from mixtures.named_objectives import Asked
from mixtures.observation import Observation, with_all_scores
from mixtures.polytope import Array
from mixtures.search_data import search_data
from mixtures.search_gp import Posterior, posterior_of
from mixtures.study import StudySpec
from mixtures.value import Value

NUM_DRAWS, DRAW_SEED = 2_000, 0
# Of a range as many levels as show a bend.
RANGE_LEVELS = 5
# As many points as their covariance at five levels of one factor takes well under a second.
MOST_POINTS = 100
MOST_MIXTURES = 256


class LevelEffect(Value):
    """At each of `levels` the effect on the objective, in its own unit and direction, 0 on average
    over the levels, with a 95 % band; `probability_best` that no other level is better.

    `size` is the sd of the effect over the levels: how much of the differences this factor makes.
    """

    factor: str
    levels: tuple[Level, ...]
    effect: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    probability_best: tuple[float, ...]
    size: float


def level_effects(
    study: StudySpec,
    asked: Asked,
    observations: Sequence[Observation],
    signs: Mapping[str, float],
) -> tuple[LevelEffect, ...]:
    """On the objective `asked`, whose parts are what the observations' scores are called; largest
    first. None where the study has no factors, or fewer than four points have scores.
    """
    if not study.axes:
        return ()
    trials, _ = with_all_scores(observations, list(signs))
    data = search_data(_as_losses(study, asked), _losses(study, trials, signs), MOST_MIXTURES)
    if data is None or len(data.points) < LEAST_MIXTURES:
        return ()
    posterior = posterior_of(list(data.parts.values()), [None] * len(data.parts))
    rows = np.unique(np.linspace(0, len(data.points) - 1, MOST_POINTS).astype(int))
    found = [
        _effect(axis, len(study.sources) + place, data.points[rows], posterior, asked.sign)
        for place, axis in enumerate(study.axes)
    ]
    return tuple(sorted(found, key=lambda one: -one.size))


def _as_losses(study: StudySpec, asked: Asked) -> StudySpec:
    """The study with the parts' weights as its objective, and less is better."""
    own = {"weights": asked.weights, "default_weight": 0.0}
    return study.model_copy(update={"objective": study.objective.model_copy(update=own)})


def _losses(
    study: StudySpec, trials: Sequence[Observation], signs: Mapping[str, float]
) -> list[Observation]:
    flip = study.objective.loss_sign
    return [
        one.model_copy(
            update={"scores": {name: flip * signs[name] * one.scores[name] for name in signs}}
        )
        for one in trials
    ]


def _effect(
    axis: Axis, column: int, points: Array, posterior: Posterior, sign: float
) -> LevelEffect:
    levels = _levels_of(axis)
    moved = np.repeat(points[None], len(levels), axis=0)
    for place, level in enumerate(levels):
        moved[place, :, column] = axis.encode(level)
    flat = moved.reshape(-1, points.shape[1])
    # The mean over the points is linear in the process: its moments are means of the moments.
    means = posterior.mean(flat).reshape(len(levels), -1).mean(axis=1)
    size = len(points)
    covariance = posterior.covariance(flat).reshape(len(levels), size, len(levels), size)
    drawn = draw(means, covariance.mean(axis=(1, 3)), NUM_DRAWS, np.random.default_rng(DRAW_SEED))
    drawn = drawn - drawn.mean(axis=1, keepdims=True)
    effect = means - means.mean()
    low, high = np.quantile(sign * drawn, [0.025, 0.975], axis=0)
    best = np.bincount(drawn.argmin(axis=1), minlength=len(levels)) / len(drawn)
    return LevelEffect(
        factor=axis.name,
        levels=levels,
        effect=tuple((sign * effect).tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        probability_best=tuple(best.tolist()),
        size=float(effect.std()),
    )


def _levels_of(axis: Axis) -> tuple[Level, ...]:
    if isinstance(axis.factor, Range):
        return tuple(axis.decode(float(at)) for at in np.linspace(0.0, 1.0, RANGE_LEVELS))
    return axis.factor
