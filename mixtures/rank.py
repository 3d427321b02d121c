"""The leaderboard: completed trials, grouped by mixture, in order of the objective.

`paired.py` has the noise that raw means, their differences and raw ties rest on. Where a fit is
there (`study_answer.py`) it brings each row's posterior, and the order goes by that: on 460
published runs the raw order agreed with larger models at .61, the posterior's at .68 to .71.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from mixtures.factors import Level
from mixtures.flagged import FlaggedScore
from mixtures.metric import Direction
from mixtures.noise import SeedNoise
from mixtures.observation import Key as Key
from mixtures.observation import Observation as Observation
from mixtures.observation import as_of, baseline_keys
from mixtures.observation import complete_observations as complete_observations
from mixtures.observation import mixture_key as mixture_key
from mixtures.paired import MixtureTrials, difference_of, interval_of, is_tied
from mixtures.repetition import Epochs
from mixtures.row_noise import RowNoise, row_noise, unknown_noise
from mixtures.row_posterior import TOP_K, RowPosterior
from mixtures.study import StudySpec
from mixtures.subset_noise import study_noise
from mixtures.value import Value, added


class PairedDifference(Value):
    """A mixture's objective minus a baseline's, over the seeds that both have."""

    baseline: str
    difference: float
    interval: tuple[float, float] | None
    num_pairs: int


class LeaderboardRow(Value):
    """One mixture, at one level of each factor. `mean` is over seeds; `interval` (95 %) is None
    while noise is unknown.

    `standard_deviation` is raw, over this mixture's own seeds. `tied_with_best` says that the
    trials alone, without a fit, cannot tell the mixture from the one with the best mean.
    `epochs` are per source; `outside_tried_region`: no mixture of the fitted ones makes it, so its
    posterior is an extrapolation or, where the fit does not reach so far, missing.
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
    noise: RowNoise = RowNoise()
    posterior: RowPosterior | None = None
    epochs: dict[str, Epochs] = Field(default={})
    outside_tried_region: bool = False
    factors: dict[str, Level] = added({})


class Leaderboard(Value):
    """`notes` are plain sentences on what is not known.

    `ranked_by` says what `rank` goes by; `top_k` is the k of `p_top_k`; `as_of` names the scores by
    content; `surrogate` what was fitted; `subset` the trials that it was fitted to, where these are
    not all; `no_posterior` why rows have none; `flagged` are scores that were not used.
    `unknown_noise` says of each part of the rows' noise that is not known why it is not.
    `as_of_trial` is the trial that was completed last of those in it, where the service tells it.
    `objective`: the study's own, or the transfer score (`transfer_score.py`). `compared_within` are
    the factors at each of whose levels a best is sought: ties and P(best) are among rows that agree
    in them.
    """

    metric: str
    direction: Direction
    num_trials: int
    rows: tuple[LeaderboardRow, ...]
    notes: tuple[str, ...]
    ranked_by: Literal["posterior mean", "mean"] = "mean"
    top_k: int = TOP_K
    as_of: str = ""
    surrogate: str | None = None
    subset: str | None = None
    no_posterior: str | None = None
    flagged: tuple[FlaggedScore, ...] = ()
    unknown_noise: dict[str, str] = Field(default={})
    objective: Literal["own", "transfer"] = "own"
    as_of_trial: str | None = added(None)
    compared_within: tuple[str, ...] = added(())

    @property
    def best_words(self) -> str:
        """What a row is told from: `the best`, or `the best at its own proxy`."""
        own = f" at its own {' and '.join(self.compared_within)}" if self.compared_within else ""
        return f"the best{own}"


def leaderboard(study: StudySpec, observations: Sequence[Observation]) -> Leaderboard:
    """Every mixture with its mean, its interval, its differences to baselines and its ties."""
    complete, notes = complete_observations(study, observations)
    entries = mixtures_of(study, complete)
    entries.sort(key=lambda entry: (entry.mean, entry.trials[0].sft_share, entry.key))
    noise = study_noise(
        {(e.key, seed): y for e in entries for seed, y in e.by_seed.items()}, study.data_seeds
    )
    by_key = {entry.key: entry for entry in entries}
    # By levels, and once for each: a board has many rows and few levels.
    tried: dict[Key, dict[str, MixtureTrials]] = {}
    rows: list[LeaderboardRow] = []
    for place, entry in enumerate(entries, start=1):
        # Only means that are exactly equal share a rank; what cannot be told apart is a tie.
        same = rows and rows[-1].mean == study.objective.loss_sign * entry.mean
        rank = rows[-1].rank if same else place
        factors = entry.trials[0].factors
        at: Key = tuple(sorted(factors.items()))
        if at not in tried:
            keys = baseline_keys(study, factors)
            tried[at] = {name: by_key[key] for name, key in keys.items() if key in by_key}
        rows.append(_row(study, rank, entry, entries, tried[at], noise))
    notes += _notes(entries, noise)
    return Leaderboard(
        metric=study.objective.metric,
        direction=study.objective.direction,
        num_trials=len(complete),
        rows=tuple(rows),
        notes=tuple(notes),
        as_of=as_of(complete),
        unknown_noise=unknown_noise(study.data_seeds, noise, [row.noise for row in rows]),
    )


def mixtures_of(study: StudySpec, observations: Sequence[Observation]) -> list[MixtureTrials]:
    """The trials by mixture, in the order in which these come first."""
    groups: dict[Key, list[Observation]] = {}
    for observation in observations:
        groups.setdefault(observation.key, []).append(observation)
    entries = []
    for key, trials in groups.items():
        by_seed: dict[int, list[float]] = {}
        for trial in trials:
            loss = study.objective.loss_sign * study.objective.value(trial.scores)
            by_seed.setdefault(trial.seed, []).append(loss)
        means = {seed: float(np.mean(values)) for seed, values in by_seed.items()}
        entries.append(MixtureTrials(key=key, trials=tuple(trials), by_seed=means))
    return entries


def _row(
    study: StudySpec,
    rank: int,
    entry: MixtureTrials,
    entries: Sequence[MixtureTrials],
    baselines: Mapping[str, MixtureTrials],
    noise: SeedNoise | None,
) -> LeaderboardRow:
    sign = study.objective.loss_sign
    paired = []
    for name, baseline in baselines.items():
        if baseline.key == entry.key:
            continue
        difference = difference_of(entry, baseline, noise)
        paired.append(
            PairedDifference(
                baseline=name,
                difference=sign * difference.value,
                interval=interval_of(sign * difference.value, difference.uncertainty),
                num_pairs=difference.num_pairs,
            )
        )
    values = list(entry.by_seed.values())
    of_mean = noise.of_mean(entry.key, entry.by_seed) if noise else None
    first = entry.trials[0]
    return LeaderboardRow(
        rank=rank,
        shares=first.shares,
        sft_share=first.sft_share,
        is_baseline=tuple(name for name, one in baselines.items() if one.key == entry.key),
        num_trials=len(entry.trials),
        seeds=tuple(sorted(entry.by_seed)),
        mean=sign * entry.mean,
        interval=interval_of(sign * entry.mean, of_mean),
        standard_deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        paired=tuple(paired),
        tied_with_best=is_tied(entry, entries, noise),
        scores={
            name: float(np.mean([trial.scores[name] for trial in entry.trials]))
            for name in first.scores
        },
        trial_ids=tuple(trial.trial_id for trial in entry.trials),
        factors=first.factors,
        noise=row_noise(study.objective, entry, noise),
    )


def _notes(entries: Sequence[MixtureTrials], noise: SeedNoise | None) -> list[str]:
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
