"""How the best SFT share moves: by benchmark, by benchmark group, and by what the groups are of.

The paper says 60 to 69 %, "precise value depending on the internal composition of the SFT-mixed
dataset", and shows neither (arXiv 2412.19638, section 2.3). Each line here is a profile: the
shares inside the groups are held, the SFT share moves, and joint posterior draws of that curve say
where it is lowest. Along a composition the share of one source inside its group is set to what was
tried little, middling and much; the others of the group keep their ratios. Only mixtures inside the
convex hull of those tried are looked at.
"""

from collections.abc import Sequence

import numpy as np

from mixtures.named_objectives import group_weights, groups_of, objective_weights
from mixtures.observation import Observation
from mixtures.recommendation import NotEnoughTrials
from mixtures.share_profiles import (
    DRAW_SEED,
    LEAST_SPREAD,
    NUM_DRAWS,
    Interval,
    Profile,
    ends,
    in_common,
    lowest_along,
    lowest_of,
    profile_of,
    reference_profile,
    tried_in_group,
    with_share,
)
from mixtures.study import StudySpec
from mixtures.study_fits import StudyFits, fit_study
from mixtures.surrogates.seam import Array
from mixtures.transfer_score import transfer_of
from mixtures.value import Share, Value

OBJECTIVE, TRANSFER = "objective", "transfer"
# Of the tried shares of a source inside its group: little, middling, much.
QUANTILES = (0.1, 0.5, 0.9)


class PartBestShare(Value):
    """Where one objective's curve is lowest, the shares inside the groups held.

    `like_best` is the hull of the shares that cannot be told from the best one, `lowest_point` the
    95 % credible interval of where the curve itself is lowest. `is_flat`: no share that was looked
    at can be told from the best, so the share says nothing. `probability_above_objective` is that
    the part's lowest point lies above the objective's, ties counted by half.
    """

    kind: str
    name: str
    sft_share: Share
    like_best: Interval
    lowest_point: Interval
    is_flat: bool
    r_squared: float | None
    probability_above_objective: float | None


class CompositionPoint(Value):
    """The objective's best SFT share where one source has `share_in_group` of its group.

    `looked_at`: the SFT shares that lie inside what was tried, at all points of the move.
    """

    share_in_group: Share
    sft_share: Share
    like_best: Interval
    lowest_point: Interval
    looked_at: Interval


class CompositionMove(Value):
    """How the best SFT share goes with the share of `source` inside `group`.

    `change` is from the first point to the last, the mean over draws, with its 95 % interval;
    `probability_up` that it goes up, ties counted by half.
    """

    group: str
    source: str
    points: tuple[CompositionPoint, ...]
    change: float
    change_interval: Interval
    probability_up: float
    sentence: str


class BestShares(Value):
    """`reference` are the shares inside the groups at which `parts` are taken; `subset` names the
    mixtures that were fitted, where these are not all.
    """

    study: str
    metric: str
    direction: str
    tried: Interval
    reference: dict[str, dict[str, float]]
    parts: tuple[PartBestShare, ...]
    compositions: tuple[CompositionMove, ...]
    num_mixtures: int
    surrogate: str
    as_of: str
    subset: str | None = None
    notes: tuple[str, ...]


def best_shares(study: StudySpec, observations: Sequence[Observation]) -> BestShares:
    """From the completed trials. Raises NotEnoughTrials, also where the SFT share never moves."""
    fits = fit_study(study, observations)
    notes = list(fits.notes)
    profile = reference_profile(fits, notes)
    compositions = []
    for kind in study.space.free_groups:
        for source in profile.inside[kind]:
            found = _move(fits, kind, source, profile.inside)
            if isinstance(found, str):
                notes.append(found)
            elif found is not None:
                compositions.append(found)
    return BestShares(
        study=study.name,
        metric=study.objective.metric,
        direction=study.objective.direction,
        tried=ends(fits.sft_shares),
        reference=profile.inside,
        parts=tuple(_parts(fits, profile, notes)),
        compositions=tuple(compositions),
        num_mixtures=len(fits.shares),
        surrogate=fits.surrogate,
        as_of=fits.as_of,
        subset=fits.subset,
        notes=tuple(notes),
    )


def probability_above(first: Array, second: Array) -> float:
    """That a draw of `first` lies above an independent one of `second`, ties counted by half."""
    ordered = np.sort(second)
    below = np.searchsorted(ordered, first, side="left")
    at_most = np.searchsorted(ordered, first, side="right")
    return float(np.mean((below + at_most) / (2.0 * len(second))))


def _parts(fits: StudyFits, profile: Profile, notes: list[str]) -> list[PartBestShare]:
    """The objective, the transfer score, each group and each benchmark."""
    study = fits.study
    asked = [(OBJECTIVE, OBJECTIVE, objective_weights(study, fits.parts))]
    try:
        transfer = transfer_of(fits)
        weights = objective_weights(
            study.model_copy(update={"objective": transfer.objective}), fits.parts
        )
        asked.append((TRANSFER, TRANSFER, weights))
    except NotEnoughTrials as error:
        notes.append(f"{error}.")
    groups = groups_of(study)
    if len(groups) > 1:
        asked += [("group", group, group_weights(study, group)) for group in groups]
    asked += [("benchmark", name, {name: 1.0}) for name in fits.parts]
    of_objective: Array | None = None
    parts = []
    for kind, name, weights in asked:
        fitted = fits.of(weights)
        best = lowest_along(fitted, profile)
        lowest = best.lowest_points
        above = None if of_objective is None else probability_above(lowest, of_objective)
        of_objective = lowest if of_objective is None else of_objective
        pieces = best.like_the_best()
        parts.append(
            PartBestShare(
                kind=kind,
                name=name,
                sft_share=best.share,
                like_best=(pieces[0][0], pieces[-1][1]),
                lowest_point=best.lowest_point_interval(),
                is_flat=pieces == [ends(best.shares[best.on_grid])],
                r_squared=fitted.r_squared,
                probability_above_objective=above,
            )
        )
    return parts


def _move(
    fits: StudyFits, kind: str, source: str, reference: dict[str, dict[str, float]]
) -> CompositionMove | str | None:
    """None where the source's share inside its group never moves; a sentence where the region that
    was tried is too thin.
    """
    tried = tried_in_group(fits, kind, source)
    if not len(tried) or np.ptp(tried) < LEAST_SPREAD:
        return None
    levels = np.unique(np.quantile(tried, QUANTILES).round(4))
    found = [profile_of(fits, with_share(reference, kind, source, level)) for level in levels]
    # Of one range of SFT shares: else the best would move where only the tried region's edge does.
    profiles = in_common([one for one in found if one is not None])
    kept = [level for level, one in zip(levels, found, strict=True) if one is not None]
    if len(profiles) < 2:
        return (
            f"How the best SFT share moves with {source} is not told: too little was tried along "
            "that way."
        )
    fitted = fits.of(objective_weights(fits.study, fits.parts))
    mixtures = np.vstack([one.mixtures for one in profiles])
    mean, covariance = fitted.joint(mixtures)
    draws = fitted.draws(mixtures, NUM_DRAWS, DRAW_SEED)
    points, lowest, start = [], [], 0
    for level, one in zip(kept, profiles, strict=True):
        rows = slice(start, start + len(one.mixtures))
        start = rows.stop
        best = lowest_of(one.sft_shares, mean[rows], covariance[rows, rows], draws[:, rows])
        pieces = best.like_the_best()
        lowest.append(best.lowest_points)
        points.append(
            CompositionPoint(
                share_in_group=float(level),
                sft_share=best.share,
                like_best=(pieces[0][0], pieces[-1][1]),
                lowest_point=best.lowest_point_interval(),
                looked_at=ends(one.sft_shares),
            )
        )
    change = lowest[-1] - lowest[0]
    up = float(np.mean(change > 0) + 0.5 * np.mean(change == 0))
    low, high = np.quantile(change, [0.025, 0.975])
    return CompositionMove(
        group=kind,
        source=source,
        points=tuple(points),
        change=float(change.mean()),
        change_interval=(float(low), float(high)),
        probability_up=up,
        sentence=(
            f"With {source} at {points[0].share_in_group * 100:.0f} % of the {kind} sources the "
            f"best SFT share is {points[0].sft_share * 100:.0f} %, at "
            f"{points[-1].share_in_group * 100:.0f} % it is {points[-1].sft_share * 100:.0f} %; "
            f"it goes up with probability {up:.2f}."
        ),
    )
