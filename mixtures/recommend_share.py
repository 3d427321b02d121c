"""Which share to decay on: the fit over the SFT share, read for the person who asked.

The share is the lowest point of a posterior and not the best trial: on 460 published runs the
posterior's first choice did better at scale than the raw one, and which single trial comes first is
a lottery (FACTS, section 6). So the answer is the set that cannot be told apart, one share named.
"""

from collections.abc import Sequence

import numpy as np

from mixtures.best_share import BestShare, best_share
from mixtures.choice_rule import WORDS, Choosable, choose, total_variation
from mixtures.recommend_evidence import BenchmarkLoss, more_to_tell_apart, worst_benchmark
from mixtures.recommend_words import more_words, notes_of, sentence_of
from mixtures.recommendation import (
    BaselineComparison,
    BenchmarkOptimum,
    Curve,
    Evidence,
    Interval,
    Recommendation,
    ShareProbability,
    WorstBenchmark,
)
from mixtures.share_line import LineFit
from mixtures.study import StudySpec
from mixtures.surrogates.seed_blocks import Array
from mixtures.surrogates.share_gp import fit_share_gp

CURVE_STEP = 0.01


def recommend_share(
    line: LineFit, signal_to_noise: dict[str, float | None], notes: Sequence[str] = ()
) -> Recommendation:
    """The share by the study's rule, what cannot be told from the best, and the evidence."""
    study, best, sign, tried = line.study, line.best, line.sign, line.tried
    columns = line.columns
    index = _chosen(line)
    share = float(best.shares[index])
    benchmarks = {name: _benchmark_fit(line, name, share) for name in line.trials[0].scores}
    optima = [_optimum(name, own, sign) for name, own in benchmarks.items()]
    pieces = best.like_the_best(tried)
    enough = not best.is_flat(columns)
    more = None
    if not enough:
        more = more_to_tell_apart(len(line.trials), best.clearest_difference(columns), len(columns))
    shortfalls = () if enough else ("no share tried can be told from the best",)
    evidence = _evidence(line, signal_to_noise, shortfalls)
    low, high = best.lowest_point_interval()
    with_choice = np.unique([*columns, index])
    p_best = best.probability_lowest(columns)
    return Recommendation(
        study=study.name,
        metric=study.objective.metric,
        direction=study.objective.direction,
        sft_share=share,
        mixture=study.mixture_at(share),
        interval=(pieces[0][0], pieces[-1][1]),
        intervals=tuple(pieces),
        best_share_interval=(low, high),
        source_intervals=_source_intervals(study, min(low, share), max(high, share)),
        tie_group=tuple(
            one
            for one, is_tied in zip(line.first_trials, line.of_tried.is_tied, strict=True)
            if is_tied
        ),
        choice_rule=study.recommend,
        choice_words=WORDS[study.recommend],
        predicted_mean=float(sign * best.mean[index]),
        predicted_interval=_interval(sign * best.draws[:, index]),
        p_best_of_choice=best.probability_lowest(with_choice.tolist())[
            int(np.flatnonzero(with_choice == index)[0])
        ],
        expected_regret=float(
            np.mean(best.draws[:, index] - best.draws[:, best.on_grid].min(axis=1))
        ),
        p_best=tuple(
            ShareProbability(sft_share=share, probability=probability)
            for share, probability in zip(tried, p_best, strict=True)
        ),
        compared_with=tuple(
            _comparison(best, index, name, share, sign) for name, share in line.baselines.items()
        ),
        worst_benchmark=_worst(line, benchmarks, share),
        curve=_curve(best, sign),
        per_benchmark=tuple(optima),
        evidence=evidence,
        enough_evidence=enough,
        more_trials_needed=more,
        sentence=sentence_of(share, pieces, evidence, enough, study.recommend),
        notes=(
            *notes,
            *line.notes,
            *notes_of(share, tried, optima, evidence, enough),
            *([] if enough else [more_words(more)]),
        ),
    )


def _chosen(line: LineFit) -> int:
    """The column of the share that the study's rule names, out of those of the grid."""
    study, best = line.study, line.best
    if study.recommend == "lowest_mean":
        return best.index
    is_tied = best.is_like_the_best() & best.on_grid
    p_best = np.zeros(len(best.shares))
    p_best[line.columns] = line.of_tried.p_best
    if study.recommend == "most_probable":
        is_tied[line.columns] |= line.of_tried.is_tied
    names = [source.name for source in study.sources]
    shares = np.array(
        [[study.mixture_at(float(s)).shares[name] for name in names] for s in best.shares]
    )
    distance: Array = np.zeros(len(shares))
    if study.current_mixture is not None:
        current = [study.current_mixture.get(name, 0.0) for name in names]
        distance = total_variation(shares, np.array(current))
    return choose(
        study.recommend,
        Choosable(
            mean=best.mean,
            is_tied=is_tied,
            p_best=p_best,
            sft_share=best.shares,
            most_epochs=np.zeros(len(shares)),
            distance=distance,
        ),
    )


def _source_intervals(study: StudySpec, low: float, high: float) -> dict[str, Interval]:
    """On the line a source's share rises or falls with the SFT share: its ends are at the ends."""
    ends = study.mixture_at(low).shares, study.mixture_at(high).shares
    return {
        name: (min(ends[0][name], ends[1][name]), max(ends[0][name], ends[1][name]))
        for name in ends[0]
    }


def _benchmark_fit(line: LineFit, benchmark: str, share: float) -> BestShare:
    fit = fit_share_gp(
        [round(trial.sft_share, 12) for trial in line.trials],
        [trial.seed for trial in line.trials],
        [line.sign * trial.scores[benchmark] for trial in line.trials],
    )
    return best_share(fit, (share, *line.baselines.values()), grid_step=CURVE_STEP)


def _optimum(benchmark: str, best: BestShare, sign: float) -> BenchmarkOptimum:
    pieces = best.like_the_best()
    return BenchmarkOptimum(
        benchmark=benchmark,
        best_share=best.share,
        interval=(pieces[0][0], pieces[-1][1]),
        mean=float(sign * best.mean[best.index]),
    )


def _worst(line: LineFit, benchmarks: dict[str, BestShare], share: float) -> WorstBenchmark | None:
    losses = []
    for name, best in benchmarks.items():
        spread = float(np.std([trial.scores[name] for trial in line.trials]))
        for baseline, at in line.baselines.items():
            draws = best.draws[:, best.column(share)] - best.draws[:, best.column(at)]
            losses.append(
                BenchmarkLoss(
                    benchmark=name,
                    baseline=baseline,
                    mean=float(draws.mean()),
                    interval=_interval(draws),
                    spread=spread,
                )
            )
    return worst_benchmark(losses, line.sign)


def _comparison(
    best: BestShare, index: int, name: str, share: float, sign: float
) -> BaselineComparison:
    difference = best.draws[:, index] - best.draws[:, best.column(share)]
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


def _evidence(
    line: LineFit, signal_to_noise: dict[str, float | None], shortfalls: tuple[str, ...]
) -> Evidence:
    out_of_fold = line.fit.out_of_fold()
    return Evidence(
        num_trials=len(line.trials),
        num_mixtures=len(line.tried),
        num_seeds=len({trial.seed for trial in line.trials}),
        noise_sd=line.fit.noise_sd,
        seed_sd=line.fit.seed_sd,
        out_of_fold_spearman=out_of_fold.spearman,
        out_of_fold_rmse=out_of_fold.rmse,
        out_of_fold_coverage=out_of_fold.coverage,
        signal_to_noise=signal_to_noise,
        shortfalls=shortfalls,
        as_of=line.as_of,
    )


def _interval(draws: Array) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
