"""Which metrics of which benchmarks tell mixtures apart, and which only show the seed.

As in Signal and Noise (arXiv 2508.13144): how far mixtures lie apart, over how far one trial moves
when only its seed changes. Here both come from the study's own trials, by the additive model
score = mixture + seed + noise, which is that of the leaderboard; the spread of mixtures is freed of
the noise in it (variance components by moments). A metric below 1 is flagged: a second seed would
move a mixture further than another mixture does.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mixtures.additive import fit_additive
from mixtures.metric import known_metric
from mixtures.rank import Key, Observation
from mixtures.rank_correlation import rank_correlation
from mixtures.study import StudySpec
from mixtures.value import Name, Value

WEAK_BELOW = 1.0
# A rank correlation over fewer mixtures says nothing.
FEWEST_RANKED = 4

Array = NDArray[np.float64]


class MetricSignal(Value):
    """One metric of one benchmark. `ratio` is None while noise is unknown or exactly zero.

    `signal_sd` is over mixtures, `noise_sd` of one trial, both in the metric's own unit.
    `agreement` is the rank correlation over mixtures with the objective's metric on this benchmark,
    signed so that 1 means the same mixtures are better.
    """

    benchmark: Name
    metric: str
    num_mixtures: int
    num_trials: int
    signal_sd: float
    noise_sd: float | None
    ratio: float | None
    is_weak: bool
    agreement: float | None


class Agreement(Value):
    """Rank correlation of two metrics of one benchmark over mixtures, signed as above."""

    benchmark: Name
    first: str
    second: str
    spearman: float


class SignalReport(Value):
    """Rows in the order of the study's benchmarks, the objective's metric first."""

    metric: str
    rows: tuple[MetricSignal, ...]
    agreements: tuple[Agreement, ...]
    notes: tuple[str, ...]


def signal(study: StudySpec, by_metric: Mapping[str, Sequence[Observation]]) -> SignalReport:
    """Of the completed trials; `by_metric` has each trial once for every metric it is scored in."""
    chosen = study.objective.metric
    metrics = sorted(by_metric, key=lambda metric: (metric != chosen, metric))
    rows: list[MetricSignal] = []
    agreements: list[Agreement] = []
    for benchmark in study.benchmarks:
        effects: dict[str, dict[Key, float]] = {}
        own: list[MetricSignal] = []
        for metric in metrics:
            scores = {
                (one.key, one.seed, one.trial_id): one.scores[benchmark.name]
                for one in by_metric[metric]
                if benchmark.name in one.scores
            }
            if scores:
                row, effects[metric] = _of_metric(benchmark.name, metric, scores)
                own.append(row)
        pairs = {
            (first, second): rho
            for place, first in enumerate(effects)
            for second in list(effects)[place + 1 :]
            if (rho := _agreement(first, second, effects)) is not None
        }
        rows += [
            row.model_copy(update={"agreement": pairs.get((chosen, row.metric))}) for row in own
        ]
        agreements += [
            Agreement(benchmark=benchmark.name, first=first, second=second, spearman=rho)
            for (first, second), rho in pairs.items()
        ]
    return SignalReport(
        metric=chosen, rows=tuple(rows), agreements=tuple(agreements), notes=tuple(_notes(rows))
    )


def _of_metric(
    benchmark: str, metric: str, scores: Mapping[tuple[Key, int, str], float]
) -> tuple[MetricSignal, dict[Key, float]]:
    """The row, and every mixture's mean with the seeds' own effects taken out."""
    keys = sorted({key for key, _, _ in scores})
    seeds = sorted({seed for _, seed, _ in scores})
    values = np.array(list(scores.values()))
    row_of = {key: row for row, key in enumerate(keys)}
    rows = np.array([row_of[key] for key, _, _ in scores])
    columns = np.array([seeds.index(seed) for _, seed, _ in scores])
    fitted = fit_additive(rows, columns, values)
    free = round(float(fitted.df.sum()))
    noise = float((fitted.left**2).sum() / free) if free > 0 else None
    per_mixture = np.bincount(rows)
    without = values - fitted.effects[columns]
    means = np.bincount(rows, weights=without) / per_mixture
    spread = float(np.var(means, ddof=1)) if len(keys) > 1 else 0.0
    between = max(0.0, spread - (noise or 0.0) * float(np.mean(1.0 / per_mixture)))
    signal_sd = float(np.sqrt(between))
    noise_sd = None if noise is None else float(np.sqrt(noise))
    ratio = signal_sd / noise_sd if noise_sd else None
    row = MetricSignal(
        benchmark=benchmark,
        metric=metric,
        num_mixtures=len(keys),
        num_trials=len(values),
        signal_sd=signal_sd,
        noise_sd=noise_sd,
        ratio=ratio,
        is_weak=ratio is not None and ratio < WEAK_BELOW,
        agreement=None,
    )
    return row, dict(zip(keys, means.tolist(), strict=True))


def _agreement(first: str, second: str, effects: Mapping[str, Mapping[Key, float]]) -> float | None:
    """None where either metric is constant, unknown to us in its direction, or over too few."""
    keys = sorted(effects[first].keys() & effects[second].keys())
    known = known_metric(first), known_metric(second)
    columns: list[Array] = [
        np.array([effects[metric][key] for key in keys]) for metric in (first, second)
    ]
    if len(keys) < FEWEST_RANKED or known[0] is None or known[1] is None:
        return None
    rho = rank_correlation(columns[0], columns[1])
    if rho is None:
        return None
    return rho if known[0].direction == known[1].direction else -rho


def _notes(rows: Sequence[MetricSignal]) -> list[str]:
    if not rows:
        return ["No completed trial yet."]
    if all(row.noise_sd is None for row in rows):
        return ["No mixture ran on two seeds: the noise is not known, so neither is the ratio."]
    weak = sum(row.is_weak for row in rows)
    if not weak:
        return []
    return [
        f"{weak} of {len(rows)} are weak: between mixtures they move less than a seed moves a "
        "trial. More items or more seeds would show what they hold; until then they add noise "
        "to an objective."
    ]
