"""The leaderboard: completed trials, grouped by mixture, in order of the objective.

One model of noise serves the intervals, the paired differences and the ties (`noise.py`): score =
mixture + seed + own noise, the own noise moderated over mixtures. A paired difference is taken over
the seeds that both mixtures have, so the seed's part cancels. Its variance is the sum of the two
own variances and not the variance of the two or three per-seed differences: those share the
baseline's noise across all rows, so that moderating them counts one look at it a dozen times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.metric import Direction
from mixtures.noise import SeedNoise, Uncertainty, seed_noise
from mixtures.study import StudySpec
from mixtures.value import Value

CONFIDENCE = 0.95

# A mixture's identity: its sources with a share above 0. Nine digits forgive how it was computed.
Key = tuple[tuple[str, float], ...]


class Observation(Value):
    """One completed trial. `scores` holds the value of the objective's metric per benchmark."""

    trial_id: str
    shares: dict[str, float]
    sft_share: float
    seed: int
    scores: dict[str, float]


class PairedDifference(Value):
    """A mixture's objective minus a baseline's, over the seeds that both have."""

    baseline: str
    difference: float
    interval: tuple[float, float] | None
    num_pairs: int


class LeaderboardRow(Value):
    """One mixture. `mean` is over seeds; `interval` (95 %) is None while noise is unknown.

    `standard_deviation` is raw, over this mixture's own seeds. `tied_with_best` says that the
    trials cannot tell the mixture from the one in front.
    """

    rank: int
    shares: dict[str, float]
    sft_share: float
    is_baseline: tuple[str, ...]
    num_trials: int
    seeds: tuple[int, ...]
    mean: float
    interval: tuple[float, float] | None
    standard_deviation: float | None
    paired: tuple[PairedDifference, ...]
    tied_with_best: bool
    scores: dict[str, float]
    trial_ids: tuple[str, ...]


class Leaderboard(Value):
    """`notes` are plain sentences on what is not known."""

    metric: str
    direction: Direction
    num_trials: int
    rows: tuple[LeaderboardRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """One mixture's trials, with the objective per seed as a loss: negated where more is better."""

    key: Key
    trials: tuple[Observation, ...]
    by_seed: dict[int, float]

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.by_seed.values())))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Difference:
    value: float
    uncertainty: Uncertainty | None
    num_pairs: int


def leaderboard(study: StudySpec, observations: Sequence[Observation]) -> Leaderboard:
    """Every mixture with its mean, its interval, its differences to baselines and its ties."""
    complete, notes = complete_observations(study, observations)
    entries = _entries(study, complete)
    entries.sort(key=lambda entry: (entry.mean, entry.trials[0].sft_share, entry.key))
    noise = seed_noise({(e.key, seed): y for e in entries for seed, y in e.by_seed.items()})
    rows: list[LeaderboardRow] = []
    for place, entry in enumerate(entries, start=1):
        # Only means that are exactly equal share a rank; what cannot be told apart is a tie.
        same = rows and rows[-1].mean == study.objective.loss_sign * entry.mean
        rank = rows[-1].rank if same else place
        rows.append(_row(study, rank, entry, entries, noise))
    notes += _notes(entries, noise)
    return Leaderboard(
        metric=study.objective.metric,
        direction=study.objective.direction,
        num_trials=len(complete),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def complete_observations(
    study: StudySpec, observations: Iterable[Observation]
) -> tuple[list[Observation], list[str]]:
    """Those with a score on every benchmark that has the objective's metric; a sentence for others.

    A mean over the benchmarks that happen to be there would compare unlike things. Scores on
    benchmarks that the study does not have are dropped.
    """
    names = [benchmark.name for benchmark in study.ranked_benchmarks]
    complete, notes = [], []
    for observation in sorted(observations, key=lambda o: (o.seed, o.trial_id)):
        missing = [name for name in names if name not in observation.scores]
        if missing:
            notes.append(
                f"Trial {observation.trial_id} is left out: it has no score on "
                f"{', '.join(missing)}."
            )
            continue
        scores = {name: observation.scores[name] for name in names}
        complete.append(observation.model_copy(update={"scores": scores}))
    return complete, notes


def mixture_key(shares: dict[str, float]) -> Key:
    rounded = ((name, round(share, 9)) for name, share in sorted(shares.items()))
    return tuple((name, share) for name, share in rounded if share > 0)


def _entries(study: StudySpec, observations: Sequence[Observation]) -> list[_Entry]:
    groups: dict[Key, list[Observation]] = {}
    for observation in observations:
        groups.setdefault(mixture_key(observation.shares), []).append(observation)
    entries = []
    for key, trials in groups.items():
        by_seed: dict[int, list[float]] = {}
        for trial in trials:
            loss = study.objective.loss_sign * study.objective.value(trial.scores)
            by_seed.setdefault(trial.seed, []).append(loss)
        means = {seed: float(np.mean(values)) for seed, values in by_seed.items()}
        entries.append(_Entry(key=key, trials=tuple(trials), by_seed=means))
    return entries


def _row(
    study: StudySpec, rank: int, entry: _Entry, entries: Sequence[_Entry], noise: SeedNoise | None
) -> LeaderboardRow:
    by_key = {other.key: other for other in entries}
    baselines = {
        name: mixture_key(mixture.shares) for name, mixture in study.baseline_mixtures.items()
    }
    sign = study.objective.loss_sign
    paired = []
    for name, key in baselines.items():
        if key not in by_key or key == entry.key:
            continue
        difference = _difference(entry, by_key[key], noise)
        paired.append(
            PairedDifference(
                baseline=name,
                difference=sign * difference.value,
                interval=_interval(sign * difference.value, difference.uncertainty),
                num_pairs=difference.num_pairs,
            )
        )
    values = list(entry.by_seed.values())
    of_mean = noise.of_mean(entry.key, len(values)) if noise else None
    first = entry.trials[0]
    return LeaderboardRow(
        rank=rank,
        shares=first.shares,
        sft_share=first.sft_share,
        is_baseline=tuple(name for name, key in baselines.items() if key == entry.key),
        num_trials=len(entry.trials),
        seeds=tuple(sorted(entry.by_seed)),
        mean=sign * entry.mean,
        interval=_interval(sign * entry.mean, of_mean),
        standard_deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        paired=tuple(paired),
        tied_with_best=_is_tied(entry, entries, noise),
        scores={
            name: float(np.mean([trial.scores[name] for trial in entry.trials]))
            for name in first.scores
        },
        trial_ids=tuple(trial.trial_id for trial in entry.trials),
    )


def _difference(a: _Entry, b: _Entry, noise: SeedNoise | None) -> _Difference:
    """a - b over common seeds; over all seeds of each, and less sure, where there is none."""
    common = sorted(a.by_seed.keys() & b.by_seed.keys())
    if common:
        value = float(np.mean([a.by_seed[seed] - b.by_seed[seed] for seed in common]))
        paired = noise.of_paired_difference(a.key, b.key, len(common)) if noise else None
        return _Difference(value=value, uncertainty=paired, num_pairs=len(common))
    num_a, num_b = len(a.by_seed), len(b.by_seed)
    unpaired = noise.of_unpaired_difference(a.key, num_a, b.key, num_b) if noise else None
    return _Difference(value=a.mean - b.mean, uncertainty=unpaired, num_pairs=0)


def _interval(center: float, uncertainty: Uncertainty | None) -> tuple[float, float] | None:
    if uncertainty is None:
        return None
    half = uncertainty.half_width(CONFIDENCE)
    return center - half, center + half


def _is_tied(entry: _Entry, entries: Sequence[_Entry], noise: SeedNoise | None) -> bool:
    """Whether the mixture belongs to the set that holds the true best with 95 % probability.

    Subset selection (Gupta 1965, Technometrics 7(2), 225-245) with Bonferroni's bound in place of
    Gupta's constant, because variances differ: a mixture leaves the set where its difference to the
    observed best exceeds the one-sided t bound at .05 / (M - 1). While noise is unknown no
    mixture leaves.
    """
    best = entries[0]
    if noise is None or entry.mean == best.mean:
        return True
    difference = _difference(entry, best, noise)
    assert difference.uncertainty is not None
    level = (1 - CONFIDENCE) / (len(entries) - 1)
    return difference.value <= difference.uncertainty.bound(1 - level)


def _notes(entries: Sequence[_Entry], noise: SeedNoise | None) -> list[str]:
    notes = []
    seeds = {seed for entry in entries for seed in entry.by_seed}
    if not entries:
        return ["No completed trial yet."]
    if len(entries) == 1:
        notes.append("One mixture only: nothing to compare it with.")
    if noise is None:
        why = "One seed only" if len(seeds) == 1 else "No mixture has two seeds"
        notes.append(f"{why}: no noise estimate, so no intervals, and no mixture is ruled out.")
    elif all(variance.value == 0.0 for variance in noise.own.values()):
        notes.append("All repeats agree exactly: noise is taken as zero.")
    single = sum(len(entry.by_seed) == 1 for entry in entries)
    if noise is not None and single:
        notes.append(f"{single} of {len(entries)} mixtures ran on one seed and borrow their noise.")
    if len({frozenset(entry.by_seed) for entry in entries}) > 1:
        notes.append(
            "Mixtures ran on different seeds: part of the difference of their means is the seeds'."
        )
    apart = sum(not entry.by_seed.keys() & entries[0].by_seed.keys() for entry in entries)
    if apart:
        notes.append(
            f"{apart} mixtures have no seed in common with the best: they are compared unpaired."
        )
    return notes
