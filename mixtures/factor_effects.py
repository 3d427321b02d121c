"""What more of one source does: its main effect on an objective, with a band.

Shares sum to 1, so a source's share never moves alone; here the others keep their ratios, that is
the step goes along the source's log-ratio axis (Aitchison 1982). And tried mixtures are not spread
evenly, so an average over all of them at a share that some of them never had would be taken far
from any trial. Accumulated local effects (Apley & Zhu 2020, JRSS B 82(4), 1059-1086) answer this:
the tried range is cut at quantiles, in each piece only the mixtures that lie in it are moved from
its one end to its other, and the mean differences are summed up. An effect is 0 on average over the
tried mixtures.

Each effect is a linear function of the surrogate at a few hundred mixtures, so joint posterior
draws of those give its band.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.fitted import Fitted
from mixtures.level_effects import LevelEffect, level_effects
from mixtures.named_objectives import Asked, metric_of
from mixtures.observation import Observation, as_of
from mixtures.recommendation import NotEnoughTrials
from mixtures.share_profiles import LEAST_SPREAD
from mixtures.study import StudySpec
from mixtures.study_fits import StudyFits, fit_study
from mixtures.surrogates.seam import Array
from mixtures.value import Value

NUM_DRAWS, DRAW_SEED = 2000, 0
# Pieces of the tried range: each should hold a few mixtures.
MOST_PIECES, MIXTURES_A_PIECE = 8, 3
# More mixtures than this say nothing new of an average, and a covariance grows with the square.
MOST_MIXTURES = 100
SFT_SHARE = "sft_share"


class FactorEffect(Value):
    """`factor` is a source, or `sft_share`. At each of `shares` the effect on the objective, in its
    own unit and direction, with a 95 % band.

    `total` is the effect of going from the first to the last share; `probability_better` that it is
    for the better. `size` is the sd of the effect over the tried mixtures: how much of their
    differences this factor makes.
    """

    factor: str
    kind: str
    shares: tuple[float, ...]
    effect: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    total: float
    total_interval: tuple[float, float]
    probability_better: float
    size: float


class FactorEffects(Value):
    """Factors by size, largest first; `fixed` never moved in the trials, or only with others.

    `levels` are the effects of the study's other factors, over mixtures at all levels. `subset`
    names the mixtures that were fitted, where these are not all.
    """

    objective: str
    metric: str
    direction: str
    factors: tuple[FactorEffect, ...]
    fixed: tuple[str, ...]
    levels: tuple[LevelEffect, ...] = ()
    r_squared: float | None
    num_mixtures: int
    surrogate: str
    as_of: str
    subset: str | None = None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """Of one factor: the edges (E,) of E - 1 pieces, and the pairs of mixtures (N, K) each that
    differ by a whole piece; `piece` (N,) says which.
    """

    edges: Array
    low: Array
    high: Array
    piece: NDArray[np.intp]
    shares: Array  # (P,) of all tried mixtures


def factor_effects(
    study: StudySpec,
    asked: Asked,
    observations: Sequence[Observation],
    signs: dict[str, float],
) -> FactorEffects:
    """On the objective `asked`. Raises NotEnoughTrials, also where nothing moves."""
    levels = level_effects(study, asked, observations, signs)
    try:
        found = _of_shares(study, asked, observations, signs)
    except NotEnoughTrials as error:
        if not levels:
            raise
        return _of_levels_alone(study, asked, observations, levels, str(error))
    return found.model_copy(update={"levels": levels})


def _of_levels_alone(
    study: StudySpec,
    asked: Asked,
    observations: Sequence[Observation],
    levels: tuple[LevelEffect, ...],
    why: str,
) -> FactorEffects:
    """Where few trials are at the study's own levels, as with a factor that is a range."""
    return FactorEffects(
        objective=asked.name,
        metric=metric_of(asked, study),
        direction="minimise" if asked.sign > 0 else "maximise",
        factors=(),
        fixed=(),
        levels=levels,
        r_squared=None,
        num_mixtures=0,
        surrogate="search_gp",
        as_of=as_of(observations),
        notes=(f"No effects of shares at the study's own levels: {why}.",),
    )


def _of_shares(
    study: StudySpec,
    asked: Asked,
    observations: Sequence[Observation],
    signs: dict[str, float],
) -> FactorEffects:
    fits = fit_study(study, observations, signs)
    fitted = fits.of(asked.weights)
    found, fixed = [], []
    for factor, kind, members in factors_of(fits):
        steps = steps_of(fits.shares, members)
        if steps is None:
            fixed.append(factor)
        else:
            found.append(_effect(factor, kind, steps, fitted, asked.sign))
    if not found:
        raise NotEnoughTrials("no share moves in these trials; effects need mixtures that differ")
    moved = {source for source, *_ in factors_of(fits)}
    return FactorEffects(
        objective=asked.name,
        metric=metric_of(asked, study),
        direction="minimise" if asked.sign > 0 else "maximise",
        factors=tuple(sorted(found, key=lambda one: -one.size)),
        fixed=(*fixed, *(name for name in fits.sources if name not in moved)),
        r_squared=fitted.r_squared,
        num_mixtures=len(fits.shares),
        surrogate=fits.surrogate,
        as_of=fits.as_of,
        subset=fits.subset,
        notes=(*fits.notes, *_averaged(len(fits.shares))),
    )


def _averaged(num_mixtures: int) -> list[str]:
    if num_mixtures <= MOST_MIXTURES:
        return []
    return [
        f"Effects are means over {MOST_MIXTURES} of these {num_mixtures} mixtures, evenly by share."
    ]


def factors_of(fits: StudyFits) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """(name, kind, which sources): the SFT share, and the sources of groups that are searched.

    A source of any other group moves with its group alone, so it has no effect of its own.
    """
    factors = [(SFT_SHARE, "sft", fits.is_sft)] if 0 < fits.is_sft.sum() < len(fits.sources) else []
    for k, source in enumerate(fits.study.sources):
        if source.kind in fits.study.space.free_groups:
            factors.append((source.name, source.kind, np.arange(len(fits.sources)) == k))
    return factors


def steps_of(shares: Array, members: NDArray[np.bool_]) -> Steps | None:
    """Of the mixtures (P, K) along the sum of `members` (K,); None where that never moves."""
    own = shares[:, members].sum(axis=1)
    if np.ptp(own) < LEAST_SPREAD:
        return None
    pieces = int(np.clip(len(shares) // MIXTURES_A_PIECE, 1, MOST_PIECES))
    edges = np.unique(np.quantile(own, np.linspace(0.0, 1.0, pieces + 1)).round(12))
    rows = np.arange(len(shares))
    if len(rows) > MOST_MIXTURES:
        rows = np.argsort(own, kind="stable")[
            np.linspace(0, len(rows) - 1, MOST_MIXTURES).astype(int)
        ]
    piece = np.clip(np.searchsorted(edges, own[rows], side="left") - 1, 0, len(edges) - 2)
    usual = shares.mean(axis=0)
    return Steps(
        edges=edges,
        low=moved(shares[rows], members, edges[piece], usual),
        high=moved(shares[rows], members, edges[piece + 1], usual),
        piece=piece,
        shares=own,
    )


def moved(shares: Array, members: NDArray[np.bool_], to: Array, usual: Array) -> Array:
    """The mixtures (N, K) with their `members` summing to `to` (N,), ratios kept on both sides.

    Where a side is empty it is filled in the ratios of `usual` (K,).
    """
    found = np.empty(shares.shape)
    for side, total in ((members, to), (~members, 1.0 - to)):
        own = shares[:, side]
        sums = own.sum(axis=1, keepdims=True)
        empty = sums[:, 0] <= 1e-12
        ratios = own / np.where(empty[:, None], 1.0, sums)
        rest = usual[side].sum()
        ratios[empty] = usual[side] / rest if rest > 0 else 1.0 / side.sum()
        found[:, side] = ratios * total[:, None]
    return found


def accumulate(steps: Steps, differences: Array) -> Array:
    """(S, E) the effect at the edges from differences (S, N), 0 on average over the mixtures."""
    num_pieces = len(steps.edges) - 1
    jumps = np.zeros((len(differences), num_pieces))
    for piece in range(num_pieces):
        inside = steps.piece == piece
        if inside.any():
            jumps[:, piece] = differences[:, inside].mean(axis=1)
    total = np.hstack([np.zeros((len(differences), 1)), np.cumsum(jumps, axis=1)])
    return np.asarray(total - at_mixtures(steps, total).mean(axis=1, keepdims=True))


def at_mixtures(steps: Steps, effects: Array) -> Array:
    """(S, P) the effects (S, E) at the tried mixtures, straight between the edges."""
    place = np.clip(
        np.searchsorted(steps.edges, steps.shares, side="left") - 1, 0, len(steps.edges) - 2
    )
    width = np.diff(steps.edges)[place]
    way = np.clip((steps.shares - steps.edges[place]) / width, 0.0, 1.0)
    return np.asarray(effects[:, place] * (1.0 - way) + effects[:, place + 1] * way)


def _effect(factor: str, kind: str, steps: Steps, fitted: Fitted, sign: float) -> FactorEffect:
    both = np.vstack([steps.low, steps.high])
    count = len(steps.low)
    drawn = fitted.draws(both, NUM_DRAWS, DRAW_SEED)
    effects = accumulate(steps, drawn[:, count:] - drawn[:, :count])
    mean = effects.mean(axis=0)
    total = sign * (effects[:, -1] - effects[:, 0])
    low, high = np.quantile(sign * effects, [0.025, 0.975], axis=0)
    ends = np.quantile(total, [0.025, 0.975])
    return FactorEffect(
        factor=factor,
        kind=kind,
        shares=tuple(steps.edges.tolist()),
        effect=tuple((sign * mean).tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        total=float(total.mean()),
        total_interval=(float(ends[0]), float(ends[1])),
        probability_better=float(np.mean(sign * total < 0)),
        size=float(at_mixtures(steps, mean[None]).std()),
    )
