"""Which share to decay on: the fit over the SFT share, read for the person who asked.

The share is the lowest point of a posterior and not the best trial: on 460 published runs the
posterior's first choice did better at scale than the raw one, and which single trial comes first is
a lottery (FACTS, section 6). So the answer is the set that cannot be told apart, one share named.
"""

from collections.abc import Sequence

import numpy as np

from mixtures.best_share import BestShare, best_share
from mixtures.rank import Observation, complete_observations, mixture_key
from mixtures.recommend_words import notes_of, sentence_of
from mixtures.recommendation import (
    BaselineComparison,
    BenchmarkOptimum,
    Curve,
    Evidence,
    Interval,
    Recommendation,
    ShareProbability,
)
from mixtures.study import StudySpec
from mixtures.surrogates.seed_blocks import Array
from mixtures.surrogates.share_gp import ShareFit, fit_share_gp
from mixtures.value import canonical_json, hash_text

# A level, a slope and a bend take three; the fourth is the first that can say the bend is noise.
MIN_SHARES = 4
CURVE_STEP = 0.01
# How far a trial's shares may lie from the line: the rounding of written decimals.
LINE_TOLERANCE = 1e-6


class NotEnoughTrials(ValueError):
    """Too few distinct shares for a curve; the message says how many are missing."""


def recommend(study: StudySpec, observations: Sequence[Observation]) -> Recommendation:
    """The recommendation from the completed trials; raises NotEnoughTrials below four shares."""
    if not study.space.is_line:
        raise NotEnoughTrials(
            f"this study searches the shares inside its {' and '.join(study.space.free_groups)} "
            "sources (space.free_groups); a recommendation here is over the SFT share alone. Its "
            "leaderboard ranks the mixtures that were tried"
        )
    complete, notes = complete_observations(study, observations)
    trials = [trial for trial in complete if _is_on_line(study, trial)]
    off_line = [trial.trial_id for trial in complete if not _is_on_line(study, trial)]
    if off_line:
        notes.append(
            f"Left out of the fit, because they change the shares inside the pretraining or the "
            f"SFT sources: {', '.join(off_line)}."
        )
    shares = np.array([round(trial.sft_share, 12) for trial in trials])
    tried = sorted(set(shares.tolist()))
    if len(tried) < MIN_SHARES:
        raise NotEnoughTrials(
            f"a recommendation needs completed trials at {MIN_SHARES} SFT shares or more; there "
            f"are {len(tried)}, so {MIN_SHARES - len(tried)} more shares are needed"
        )
    seeds = [trial.seed for trial in trials]
    objective = np.array([study.objective.value(trial.scores) for trial in trials])
    # The fit looks for the lowest point; where more is better it sees the negative.
    sign = study.objective.loss_sign

    inside = {name: s for name, s in study.baselines.items() if tried[0] <= s <= tried[-1]}
    notes += [
        f"Baseline {name} lies outside the shares tried and is not compared with."
        for name in study.baselines
        if name not in inside
    ]
    fit = fit_share_gp(shares, seeds, sign * objective)
    best = best_share(fit, (*tried, *inside.values()))
    columns = [best.column(share) for share in tried]
    optima = [
        _optimum(name, shares, seeds, [trial.scores[name] for trial in trials], sign)
        for name in trials[0].scores
    ]
    pieces = best.like_the_best()
    enough = not best.is_flat(columns)
    evidence = _evidence(fit, trials, objective)
    return Recommendation(
        study=study.name,
        metric=study.objective.metric,
        direction=study.objective.direction,
        sft_share=best.share,
        mixture=study.mixture_at(best.share),
        interval=(pieces[0][0], pieces[-1][1]),
        intervals=tuple(pieces),
        best_share_interval=best.lowest_point_interval(),
        predicted_mean=float(sign * best.mean[best.index]),
        predicted_interval=_interval(sign * best.draws[:, best.index]),
        p_best=tuple(
            ShareProbability(sft_share=share, probability=probability)
            for share, probability in zip(tried, best.probability_lowest(columns), strict=True)
        ),
        compared_with=tuple(_comparison(best, name, share, sign) for name, share in inside.items()),
        curve=_curve(best, sign),
        per_benchmark=tuple(optima),
        evidence=evidence,
        enough_evidence=enough,
        sentence=sentence_of(best.share, pieces, evidence, enough),
        notes=(*notes, *notes_of(best.share, tried, optima, evidence, enough)),
    )


def _is_on_line(study: StudySpec, trial: Observation) -> bool:
    """Whether the trial differs from the study's own mixture at its share in nothing else."""
    line = dict(mixture_key(study.mixture_at(round(trial.sft_share, 12)).shares))
    given = dict(mixture_key(trial.shares))
    return all(
        abs(line.get(name, 0.0) - given.get(name, 0.0)) <= LINE_TOLERANCE
        for name in line.keys() | given.keys()
    )


def _optimum(
    benchmark: str, shares: Array, seeds: Sequence[int], values: Sequence[float], sign: float
) -> BenchmarkOptimum:
    losses = [sign * value for value in values]
    best = best_share(fit_share_gp(shares, seeds, losses), grid_step=CURVE_STEP)
    pieces = best.like_the_best()
    return BenchmarkOptimum(
        benchmark=benchmark,
        best_share=best.share,
        interval=(pieces[0][0], pieces[-1][1]),
        mean=float(sign * best.mean[best.index]),
    )


def _comparison(best: BestShare, name: str, share: float, sign: float) -> BaselineComparison:
    difference = best.difference(best.column(share))
    return BaselineComparison(
        baseline=name,
        sft_share=share,
        difference=float(sign * np.mean(difference)),
        interval=_interval(sign * difference),
        probability_better=float(np.mean(difference < 0)),
    )


def _curve(best: BestShare, sign: float) -> Curve:
    steps = np.round(best.shares / CURVE_STEP) * CURVE_STEP
    thinned = np.abs(best.shares - steps) < 1e-9
    thinned[[0, -1]] = True
    low, high = np.quantile(sign * best.draws[:, thinned], [0.025, 0.975], axis=0)
    return Curve(
        sft_share=tuple(best.shares[thinned].tolist()),
        mean=tuple((sign * best.mean[thinned]).tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
    )


def _evidence(fit: ShareFit, trials: Sequence[Observation], objective: Array) -> Evidence:
    out_of_fold = fit.out_of_fold()
    scores = sorted(
        (trial.trial_id, float(value)) for trial, value in zip(trials, objective, strict=True)
    )
    return Evidence(
        num_trials=len(trials),
        num_mixtures=len(np.unique(fit.shares)),
        num_seeds=len(set(fit.seeds)),
        noise_sd=fit.noise_sd,
        seed_sd=fit.seed_sd,
        out_of_fold_spearman=out_of_fold.spearman,
        out_of_fold_rmse=out_of_fold.rmse,
        out_of_fold_coverage=out_of_fold.coverage,
        as_of=hash_text(canonical_json(scores)),
    )


def _interval(draws: Array) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
