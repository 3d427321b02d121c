"""What a study's trials say of its claims: see `claims.py` for them, `verdict.py` for the rules.

A function of the spec, the scores and the study's answer; the service runs it where it runs fits.
"""

from collections.abc import Sequence

import numpy as np

from mixtures.across_proxies import ProxyStudy, across_proxies
from mixtures.best_of_pool import sd_of_difference
from mixtures.claims import (
    BestShareIn,
    BestShareIs,
    BestSharesDiffer,
    Claim,
    Compared,
    InTieGroup,
    RanksAgree,
    SourcePays,
)
from mixtures.confirmation_found import ConfirmationAnswer
from mixtures.factor_effects import factor_effects
from mixtures.factors import words_of
from mixtures.level_fit import fit_levels
from mixtures.named_objectives import Asked
from mixtures.observation import Observation, complete_observations
from mixtures.paired import turned
from mixtures.recommendation import NotEnoughTrials
from mixtures.search_data import points_of
from mixtures.studies_by_proxy import by_proxy
from mixtures.study import StudySpec
from mixtures.study_answer import StudyAnswer
from mixtures.verdict import Verdict, at_least, not_worse, percent
from mixtures.verdict_best_share import of_best_share, of_shares_apart
from mixtures.verdict_comparison import (
    RULES,
    compared,
    difference_words,
    margin_of,
    of_part,
    weights_of,
    with_weights,
)


def verdicts(
    study: StudySpec,
    claims: Sequence[Claim],
    observations: Sequence[Observation],
    answer: StudyAnswer,
    confirmation: ConfirmationAnswer | None = None,
) -> tuple[Verdict, ...]:
    """In the order of the claims. `answer` is the study's, of the same observations."""
    complete, _ = complete_observations(study, observations)
    return tuple(_verdict(study, claim, complete, answer, confirmation) for claim in claims)


def _verdict(
    study: StudySpec,
    claim: Claim,
    complete: Sequence[Observation],
    answer: StudyAnswer,
    confirmation: ConfirmationAnswer | None,
) -> Verdict:
    try:
        match claim:
            case BestShareIn() | BestShareIs():
                return of_best_share(study, claim, complete, answer)
            case Compared():
                return compared(study, claim, complete, answer, confirmation)
            case BestSharesDiffer():
                return of_shares_apart(study, claim, complete)
            case InTieGroup():
                return _in_tie_group(study, claim, complete)
            case RanksAgree():
                return _ranks_agree(study, claim, complete)
            case SourcePays():
                return _source_pays(study, claim, complete)
    except NotEnoughTrials as error:
        return Verdict(
            claim=claim,
            verdict="undecided",
            estimate=None,
            interval=None,
            sentence=f"Not told: {str(error).rstrip('.')}.",
        )


def _in_tie_group(study: StudySpec, claim: InTieGroup, complete: Sequence[Observation]) -> Verdict:
    fit = fit_levels(study, complete)
    best = int(np.argmin(fit.mean))
    levels = {**fit.data.factors[best], **claim.factors}
    try:
        point = points_of(study, [(fit.data.mixtures[best], levels)])
    except ValueError as error:
        raise NotEnoughTrials(f"{words_of(claim.factors)} is no setting of this study") from error
    both = np.vstack([point, fit.data.points[[best]]])
    mean, covariance = fit.posterior.mean(both), fit.posterior.covariance(both)
    loss = float(mean[0] - mean[1])
    half = 1.96 * sd_of_difference(covariance)
    interval = (loss - half, loss + half)
    margin = margin_of(claim.margin, study, complete)
    sign = study.objective.loss_sign
    own = turned(sign, interval)
    return Verdict(
        claim=claim,
        verdict=not_worse(interval, margin),
        estimate=sign * loss,
        interval=own,
        sentence=(
            f"{words_of(claim.factors)} minus the best setting tried "
            f"({words_of(fit.data.factors[best])}): "
            f"{difference_words(sign * loss, own, study)}, by the fit of "
            f"{len(complete)} trials; the margin is {margin:.4f}."
        ),
    )


def _ranks_agree(study: StudySpec, claim: RanksAgree, complete: Sequence[Observation]) -> Verdict:
    given = ProxyStudy(
        id=study.name,
        study=study,
        observations=tuple(complete),
        parameters=study.proxy.num_non_embedding_parameters,
    )
    alone = [one for one in by_proxy(given) if one.observations]
    if len(alone) < 2:
        raise NotEnoughTrials("trials of fewer than two proxies have ended")
    pairs = across_proxies(alone).pairs
    intervals = [pair.posterior_spearman_interval for pair in pairs]
    worst = min(pairs, key=lambda pair: pair.posterior_spearman)
    words = "; ".join(
        f"{pair.smaller.partition('@')[2]} to {pair.larger.partition('@')[2]} "
        f"{pair.posterior_spearman:.2f} ({pair.posterior_spearman_interval[0]:.2f} to "
        f"{pair.posterior_spearman_interval[1]:.2f}, {pair.num_mixtures} mixtures)"
        for pair in pairs
    )
    return Verdict(
        claim=claim,
        verdict=at_least(intervals, claim.at_least),
        estimate=worst.posterior_spearman,
        interval=worst.posterior_spearman_interval,
        sentence=f"Rank correlations: {words}; claimed is at least {claim.at_least:g}.",
    )


def _source_pays(study: StudySpec, claim: SourcePays, complete: Sequence[Observation]) -> Verdict:
    weights = weights_of(of_part(study, claim.of))
    left = {name: weight for name, weight in weights.items() if name not in claim.without}
    if not left:
        raise NotEnoughTrials("no benchmark is left that counts")
    total = sum(left.values())
    weights = {name: weight / total for name, weight in left.items()}
    sign = study.objective.loss_sign
    asked = Asked(name=claim.of or "objective", weights=weights, sign=sign)
    effects = factor_effects(study, asked, complete, dict.fromkeys(weights, sign))
    effect = next((one for one in effects.factors if one.factor == claim.pays), None)
    if effect is None:
        raise NotEnoughTrials(f"the share of {claim.pays} never moved by itself")
    margin = margin_of(claim.margin, with_weights(study, weights), complete)
    without = f" without {', '.join(claim.without)}" if claim.without else ""
    return Verdict(
        claim=claim,
        verdict=RULES[claim.says](turned(sign, effect.total_interval), margin),
        estimate=effect.total,
        interval=effect.total_interval,
        sentence=(
            f"{claim.pays} from {percent(effect.shares[0])} to {percent(effect.shares[-1])}, on "
            f"{asked.name}{without}: "
            f"{difference_words(effect.total, effect.total_interval, study)}; the margin is "
            f"{margin:.4f}."
        ),
    )
