"""Which mixture to decay on, where more than the SFT share is open.

The answer is `own_answer.py`'s, as `decaymix fit` gives it; the study adds its rule for the choice,
its baselines, its benchmarks by name, and how often the mixture reads each source.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mixtures.best_of_pool import best_of_pool, contenders, draw, sd_of_difference
from mixtures.choice_rule import WORDS
from mixtures.late_scipy import ndtr, ndtri
from mixtures.mixture import sft_share
from mixtures.mixture_posterior import NUM_SAMPLES, SEED, row_of
from mixtures.named_mixture import Named, mixture_of, named_mixture
from mixtures.noise import seed_noise
from mixtures.observation import Observation, as_of, mixture_key
from mixtures.own_answer import OwnAnswer, Pool, compare, surrogate_words
from mixtures.recommend_evidence import BenchmarkLoss, worst_benchmark
from mixtures.recommend_words import mixture_notes, mixture_sentence
from mixtures.recommendation import (
    BaselineComparison,
    BenchmarkOptimum,
    Evidence,
    Interval,
    Recommendation,
    WorstBenchmark,
)
from mixtures.study import StudySpec
from mixtures.surrogates.seam import Array

# Draws for each benchmark's own best: an interval, no probability, is read off them.
BENCHMARK_DRAWS = 1_000


def recommend_mixture(
    study: StudySpec,
    complete: Sequence[Observation],
    answer: OwnAnswer,
    available_tokens: Mapping[str, int],
    signal_to_noise: dict[str, float | None],
    notes: Sequence[str],
) -> Recommendation:
    """From a fit of the trials that are `complete`."""
    sources = answer.trials.sources
    choice = named_mixture(study, answer, available_tokens)
    pool, row, sign = choice.pool, choice.row, answer.sign
    mixture = mixture_of(choice.shares, sources)
    share = sft_share(mixture, study.sources)
    sft = np.array([float(source.kind == "sft") for source in study.sources])
    tied = (pool.shares[pool.best.is_tied] @ sft).round(9)
    tied_range = (float(min(tied.min(), share)), float(max(tied.max(), share)))
    baselines, missing = _baselines(study, answer)
    evidence = _evidence(study, complete, answer, signal_to_noise)
    half = float(ndtri(0.975)) * float(pool.sd[row])
    mean = float(sign * pool.mean[row])
    enough = answer.evidence.is_enough
    more = None if enough else answer.evidence.more_needed
    best_share = _holding(pool.shares[pool.best.best] @ sft, share)
    warnings = [
        f"Baseline {name} has no trial with all its scores and is not compared with."
        for name in missing
    ]
    return Recommendation(
        study=study.name,
        metric=study.objective.metric,
        direction=study.objective.direction,
        sft_share=share,
        mixture=mixture,
        interval=tied_range,
        intervals=(tied_range,),
        best_share_interval=best_share,
        source_intervals={
            name: _holding(pool.shares[pool.best.best, k], mixture.shares[name])
            for k, name in enumerate(sources)
        },
        tie_group=tuple(answer.tie_group),
        choice_rule=study.recommend,
        choice_words=WORDS[study.recommend],
        predicted_mean=mean,
        predicted_interval=(mean - half, mean + half),
        p_best_of_choice=_probability_best(answer, choice),
        expected_regret=float(max(pool.best.expected_regret[row], 0.0)),
        p_best=(),
        compared_with=tuple(
            _comparison(study, answer, choice.shares, name, shares)
            for name, shares in baselines.items()
        ),
        worst_benchmark=_worst(answer, choice.shares, baselines),
        curve=None,
        per_benchmark=tuple(_optima(study, answer, pool)),
        evidence=evidence,
        enough_evidence=enough,
        more_trials_needed=more,
        sentence=mixture_sentence(
            mixture.shares,
            share,
            study.recommend,
            best_share,
            len(answer.tie_group),
            evidence,
            enough,
        ),
        notes=(*notes, *warnings, *mixture_notes(evidence, more, answer.subset)),
        subset=answer.subset,
    )


def _holding(values: Array, own: float) -> Interval:
    """The middle 95 %, widened to hold the choice's own."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(min(low, own)), float(max(high, own))


def _probability_best(answer: OwnAnswer, choice: Named) -> float:
    """Over the tried mixtures and the choice."""
    tried = answer.of_trials
    if choice.pool.ids[choice.row] in tried.ids:
        return float(tried.best.p_best[tried.ids.index(choice.pool.ids[choice.row])])
    rows = np.sort(tried.contenders)
    ids, shares = [tried.ids[row] for row in rows], np.vstack([tried.shares[rows], choice.shares])
    pool = compare(
        answer.fit, (*ids, "choice"), shares, NUM_SAMPLES, np.random.default_rng([SEED, 5])
    )
    return float(pool.best.p_best[-1])


def _baselines(study: StudySpec, answer: OwnAnswer) -> tuple[dict[str, Array], list[str]]:
    """Shares of those that were tried, and the names of the others."""
    sources = answer.trials.sources
    known = {
        mixture_key(dict(zip(sources, row, strict=True)))
        for row in answer.of_trials.shares.tolist()
    }
    found, missing = {}, []
    for name, mixture in study.baseline_mixtures.items():
        row = row_of(mixture.shares, sources)
        if mixture_key(dict(zip(sources, row.tolist(), strict=True))) in known:
            found[name] = row
        else:
            missing.append(name)
    return found, missing


def _comparison(
    study: StudySpec, answer: OwnAnswer, own: Array, name: str, baseline: Array
) -> BaselineComparison:
    mean, covariance = answer.fit.joint(np.vstack([own, baseline]))
    difference = float(mean[0] - mean[1])
    sd = sd_of_difference(covariance)
    low, high = sorted(answer.sign * (difference + side * 1.96 * sd) for side in (-1, 1))
    # Exactly the choice itself differs from it by nothing, and is not better.
    better = float(ndtr(-difference / sd)) if sd > 0 else float(difference < 0)
    return BaselineComparison(
        baseline=name,
        sft_share=sft_share(mixture_of(baseline, answer.trials.sources), study.sources),
        difference=answer.sign * difference,
        interval=(low, high),
        probability_better=better,
    )


def _worst(answer: OwnAnswer, own: Array, baselines: Mapping[str, Array]) -> WorstBenchmark | None:
    losses = []
    fit = answer.fit
    for name, stack in zip(fit.names, fit.stacks, strict=True):
        for baseline, shares in baselines.items():
            mean, covariance = stack.joint(np.vstack([own, shares]))
            half = 1.96 * fit.calibration.process * sd_of_difference(covariance)
            lost = float(mean[0] - mean[1])
            losses.append(
                BenchmarkLoss(
                    benchmark=name,
                    baseline=baseline,
                    mean=lost,
                    interval=(lost - half, lost + half),
                    spread=float(np.std(stack.trials.targets)),
                )
            )
    return worst_benchmark(losses, answer.sign)


def _optima(study: StudySpec, answer: OwnAnswer, pool: Pool) -> list[BenchmarkOptimum]:
    """Each benchmark's own best mixture of the pool, and the SFT shares that are tied with it."""
    sources, fit = answer.trials.sources, answer.fit
    is_sft = np.array([float(source.kind == "sft") for source in study.sources])
    found = []
    for name, stack in zip(fit.names, fit.stacks, strict=True):
        mean, sd = stack.predict(pool.shares)
        drawn = contenders(mean, fit.calibration.process * sd)
        center, covariance = stack.joint(pool.shares[drawn])
        draws = draw(
            center,
            fit.calibration.process**2 * covariance,
            BENCHMARK_DRAWS,
            np.random.default_rng([SEED, 6]),
        )
        best = best_of_pool(mean, draws, drawn)
        shares = (pool.shares[best.is_tied] @ is_sft).round(9)
        found.append(
            BenchmarkOptimum(
                benchmark=name,
                best_share=float((pool.shares[best.choice] @ is_sft).round(9)),
                interval=(float(shares.min()), float(shares.max())),
                mean=float(answer.sign * mean[best.choice]),
                mixture=mixture_of(pool.shares[best.choice], sources).shares,
            )
        )
    return found


def _evidence(
    study: StudySpec,
    complete: Sequence[Observation],
    answer: OwnAnswer,
    signal_to_noise: dict[str, float | None],
) -> Evidence:
    own = answer.evidence
    noise = seed_noise(
        {(mixture_key(one.shares), one.seed): study.objective.value(one.scores) for one in complete}
    )
    return Evidence(
        num_trials=len(complete),
        num_mixtures=own.num_mixtures,
        num_seeds=len({one.seed for one in complete}),
        noise_sd=own.noise_sd,
        seed_sd=float(np.sqrt(noise.shared.value)) if noise else None,
        surrogate=surrogate_words(answer),
        out_of_fold_spearman=own.spearman,
        out_of_fold_rmse=own.rmse,
        out_of_fold_coverage=own.coverage,
        signal_to_noise=signal_to_noise,
        shortfalls=own.shortfalls,
        as_of=as_of(complete),
    )
