"""Verdicts on best SFT shares: where the best one lies, and whether there is one for all.

A best share's interval is the 95 % credible interval of where the fitted curve is lowest.
"""

from collections.abc import Sequence

from mixtures.claims import BestShareIn, BestShareIs, BestSharesDiffer
from mixtures.factor_levels import own_levels
from mixtures.factors import Level, words_of
from mixtures.named_objectives import group_weights, groups_of
from mixtures.observation import Observation
from mixtures.recommendation import NotEnoughTrials
from mixtures.share_profiles import ends, lowest_along, reference_profile
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer
from mixtures.study_fits import fit_study
from mixtures.verdict import Interval, Verdict, apart, holds, inside, percent
from mixtures.verdict_comparison import of_part, weights_of


def of_best_share(
    study: StudySpec,
    claim: BestShareIn | BestShareIs,
    complete: Sequence[Observation],
    answer: StudyAnswer,
) -> Verdict:
    if claim.of is None:
        found = answer.recommendation
        if found is None:
            raise NotEnoughTrials(answer.no_recommendation)
        share, interval, is_told = found.sft_share, found.best_share_interval, found.enough_evidence
    else:
        weights = weights_of(of_part(study, claim.of))
        share, interval, is_told = _lowest(study, complete, weights)
    if isinstance(claim, BestShareIn):
        word = inside(interval, claim.low, claim.high)
        bound = f"{percent(claim.low).removesuffix(' %')} to {percent(claim.high)}"
    else:
        word = holds(interval, claim.sft_share, claim.margin)
        bound = f"{percent(claim.sft_share)}, in an interval of at most {percent(2 * claim.margin)}"
    of = "" if claim.of is None else f" of {claim.of}"
    flat = "" if is_told else "; but no share tried can be told from it"
    return Verdict(
        claim=claim,
        verdict=word if is_told else "undecided",
        estimate=share,
        interval=interval,
        sentence=(
            f"The best SFT share{of} is {_share_words(share, interval)}, claimed {bound}{flat}."
        ),
    )


def of_shares_apart(
    study: StudySpec, claim: BestSharesDiffer, complete: Sequence[Observation]
) -> Verdict:
    found: dict[str, tuple[float, Interval]] = {}
    left = []
    for name, alone, trials, weights in _parts(study, claim.factor, complete):
        try:
            share, interval, is_told = _lowest(alone, trials, weights)
        except NotEnoughTrials as error:
            left.append(f"{name} ({str(error).split(';')[0]})")
            continue
        if is_told:
            found[name] = share, interval
        else:
            left.append(f"{name} (no share can be told from another)")
    but = f" Left out: {', '.join(left)}." if left else ""
    if len(found) < 2:
        raise NotEnoughTrials(f"fewer than two best shares are known.{but}")
    ordered = sorted(found.items(), key=lambda one: one[1][0])
    # Told of the two furthest apart: how far, at least and at most.
    (_, (low, of_low)), (_, (high, of_high)) = ordered[0], ordered[-1]
    words = "; ".join(f"{name} {_share_words(*one)}" for name, one in ordered)
    return Verdict(
        claim=claim,
        verdict=apart([interval for _, interval in found.values()], claim.margin),
        estimate=high - low,
        interval=(of_high[0] - of_low[1], of_high[1] - of_low[0]),
        sentence=f"Best SFT shares: {words}.{but}",
    )


def _parts(
    study: StudySpec, factor: str | None, complete: Sequence[Observation]
) -> list[tuple[str, StudySpec, Sequence[Observation], dict[str, float]]]:
    """(name, study, trials, weights) of each best share: of benchmark groups, or of levels."""
    if factor is None:
        return [(group, study, complete, group_weights(study, group)) for group in groups_of(study)]
    axis = next(axis for axis in study.axes if axis.name == factor)
    assert isinstance(axis.factor, tuple)
    return [
        (words_of({factor: level}), *_at_level(study, factor, level, complete))
        for level in axis.factor
    ]


def _at_level(
    study: StudySpec, factor: str, level: Level, complete: Sequence[Observation]
) -> tuple[StudySpec, list[Observation], dict[str, float]]:
    """The study as if it had no factors, with its trials at one level, others at its own."""
    levels = {**own_levels(study), factor: level}
    alone = study.model_copy(
        update={"claims": (), "space": study.space.model_copy(update={"factors": {}})}
    )
    trials = [one.model_copy(update={"factors": {}}) for one in complete if one.factors == levels]
    return alone, trials, weights_of(study)


def _lowest(
    study: StudySpec, complete: Sequence[Observation], weights: dict[str, float]
) -> tuple[float, Interval, bool]:
    """The best share of a weighting, its interval, and whether a share can be told from it."""
    fits = fit_study(study, complete)
    best = lowest_along(fits.of(weights), reference_profile(fits, []))
    is_flat = best.like_the_best() == [ends(best.shares[best.on_grid])]
    return best.share, best.lowest_point_interval(), not is_flat


def _share_words(share: float, interval: Interval) -> str:
    low = percent(interval[0]).removesuffix(" %")
    return f"{percent(share)} ({low} to {percent(interval[1])})"
