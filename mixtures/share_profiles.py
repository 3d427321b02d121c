"""Lines through the tried mixtures along which only the SFT share moves, and where they are lowest.

A profile holds the shares inside the groups and moves the SFT share, as far as that stays inside
the convex hull of what was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.best_share import BestShare, best_share
from mixtures.fitted import Fitted, LineFitted
from mixtures.mixture import mixture_of_sft_share
from mixtures.recommendation import NotEnoughTrials
from mixtures.study import KINDS
from mixtures.study_fits import StudyFits
from mixtures.surrogates.seam import Array
from mixtures.tried_region import is_inside

Interval = tuple[float, float]
GRID_STEP, NUM_DRAWS, DRAW_SEED = 0.02, 4000, 0
# The line studies' grid: that of the recommendation's own benchmarks, so that both agree.
LINE_STEP = 0.01
# A curve of fewer points has no inside.
FEWEST_POINTS = 5
# Below this a source's share inside its group is the same in all trials.
LEAST_SPREAD = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The mixtures (G, K) at the SFT shares (G,), inside what was tried; `inside` by group."""

    inside: dict[str, dict[str, float]]
    sft_shares: Array
    mixtures: Array


def reference_profile(fits: StudyFits, notes: list[str]) -> Profile:
    """Along the study's own shares inside the groups, where these were tried; else their middle."""
    if np.ptp(fits.sft_shares) < LEAST_SPREAD:
        raise NotEnoughTrials(
            f"all trials have {fits.sft_shares.mean():.3g} of SFT: there is no best SFT share to "
            "find. Trials with other SFT shares are needed"
        )
    study = fits.study
    own = {kind: study.shares_in_group(kind) for kind in KINDS}
    found = profile_of(fits, own)
    if found is None:
        middle = fits.shares.mean(axis=0)
        found = profile_of(fits, _inside(fits, middle))
        notes.append(
            "The study's own shares inside the groups lie outside what was tried; the middle of "
            "the tried mixtures is taken in their place."
        )
    if found is None:
        raise NotEnoughTrials(
            "along no composition were SFT shares tried on both sides; more mixtures are needed"
        )
    return found


def profile_of(fits: StudyFits, inside: dict[str, dict[str, float]]) -> Profile | None:
    """None where fewer than FEWEST_POINTS of its mixtures lie inside what was tried."""
    # Shares that were summed may be a rounding beyond 1.
    low, high = np.clip(ends(fits.sft_shares), 0.0, 1.0)
    grid = np.unique([low, high, *np.round(np.arange(0.0, 1.0 + GRID_STEP / 2, GRID_STEP), 12)])
    grid = grid[(grid >= low) & (grid <= high)]
    rows = [mixture_of_sft_share(float(s), inside["pretrain"], inside["sft"]).shares for s in grid]
    mixtures = np.array([[row.get(name, 0.0) for name in fits.sources] for row in rows])
    inside_region = is_inside(mixtures, fits.shares)
    if inside_region.sum() < FEWEST_POINTS:
        return None
    return Profile(inside=inside, sft_shares=grid[inside_region], mixtures=mixtures[inside_region])


def in_common(profiles: Sequence[Profile]) -> list[Profile]:
    """The profiles at the SFT shares that all of them have; none where these are too few."""
    if not profiles:
        return []
    shares = profiles[0].sft_shares
    for one in profiles[1:]:
        shares = np.intersect1d(shares, one.sft_shares)
    if len(shares) < FEWEST_POINTS:
        return []
    kept = [np.isin(one.sft_shares, shares) for one in profiles]
    return [
        Profile(inside=one.inside, sft_shares=shares, mixtures=one.mixtures[rows])
        for one, rows in zip(profiles, kept, strict=True)
    ]


def lowest_along(fitted: Fitted, profile: Profile) -> BestShare:
    """Where the curve of one objective is lowest along a profile."""
    if isinstance(fitted, LineFitted):
        return best_share(fitted.fit, grid_step=LINE_STEP)
    mean, covariance = fitted.joint(profile.mixtures)
    draws = fitted.draws(profile.mixtures, NUM_DRAWS, DRAW_SEED)
    return lowest_of(profile.sft_shares, mean, covariance, draws)


def lowest_of(sft_shares: Array, mean: Array, covariance: Array, draws: Array) -> BestShare:
    return BestShare(
        shares=sft_shares,
        on_grid=np.ones(len(sft_shares), dtype=bool),
        mean=mean,
        sd=np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        draws=draws,
        index=int(np.argmin(mean)),
    )


def tried_in_group(fits: StudyFits, kind: str, source: str) -> Array:
    """Of the tried mixtures that have anything of the group."""
    of_kind = fits.is_sft if kind == "sft" else ~fits.is_sft
    total = fits.shares[:, of_kind].sum(axis=1)
    has_some = total > LEAST_SPREAD
    own: Array = fits.shares[has_some, fits.sources.index(source)] / total[has_some]
    return own


def with_share(
    reference: dict[str, dict[str, float]], kind: str, source: str, share: float
) -> dict[str, dict[str, float]]:
    """The reference with `source` at `share` of its group; the others keep their ratios."""
    others = {name: one for name, one in reference[kind].items() if name != source}
    total = sum(others.values())
    if total <= 0.0:
        others, total = dict.fromkeys(others, 1.0), float(len(others))
    group = {name: one / total * (1.0 - share) for name, one in others.items()}
    return {**reference, kind: {**group, source: share}}


def _inside(fits: StudyFits, mixture: Array) -> dict[str, dict[str, float]]:
    """The shares inside the groups of one mixture (K,)."""
    found: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        of_kind = fits.is_sft if kind == "sft" else ~fits.is_sft
        own = np.where(of_kind, mixture, 0.0)
        total = float(own.sum()) or 1.0
        found[kind] = {
            name: float(own[k] / total) for k, name in enumerate(fits.sources) if of_kind[k]
        }
    return found


def ends(values: Array) -> Interval:
    return round(float(values.min()), 12), round(float(values.max()), 12)
