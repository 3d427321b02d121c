"""The trials of a study whose mixtures differ in their SFT share alone, as one fitted curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.best_of_pool import BestOfPool, best_of_pool
from mixtures.best_share import BestShare, best_share
from mixtures.observation import Observation, as_of, shares_key
from mixtures.recommend_words import more_needed
from mixtures.recommendation import NotEnoughTrials
from mixtures.row_posterior import TOP_K, RowPosterior, probability_in_top, row_posteriors
from mixtures.study import StudySpec
from mixtures.surrogates.share_gp import ShareFit, fit_share_gp

# A level, a slope and a bend take three; the fourth is the first that can say the bend is noise.
MIN_SHARES = 4
# How far a trial's shares may lie from the line: the rounding of written decimals.
LINE_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class LineFit:
    """The curve over the trials of the study's own line, and the figures at the shares tried."""

    study: StudySpec
    trials: tuple[Observation, ...]
    as_of: str
    notes: tuple[str, ...]
    tried: tuple[float, ...]
    baselines: dict[str, float]  # inside the shares tried
    fit: ShareFit
    best: BestShare
    of_tried: BestOfPool

    @property
    def sign(self) -> float:
        """The fit looks for the lowest point; where more is better it sees the negative."""
        return self.study.objective.loss_sign

    @property
    def columns(self) -> list[int]:
        return [self.best.column(share) for share in self.tried]

    @property
    def first_trials(self) -> tuple[str, ...]:
        """The first trial at each of the shares tried."""
        first: dict[float, str] = {}
        for trial in self.trials:
            first.setdefault(round(trial.sft_share, 12), trial.trial_id)
        return tuple(first[share] for share in self.tried)


def fit_line(study: StudySpec, complete: Sequence[Observation]) -> LineFit:
    """Of trials with all their scores; raises NotEnoughTrials below four shares."""
    notes = []
    trials, off_line = on_line(study, complete)
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
            f"are {len(tried)}, so {more_needed(MIN_SHARES - len(tried), 'share')}"
        )
    inside = {name: s for name, s in study.baselines.items() if tried[0] <= s <= tried[-1]}
    notes += [
        f"Baseline {name} lies outside the shares tried and is not compared with."
        for name in study.baselines
        if name not in inside
    ]
    objective = np.array([study.objective.value(trial.scores) for trial in trials])
    fit = fit_share_gp(
        shares, [trial.seed for trial in trials], study.objective.loss_sign * objective
    )
    best = best_share(fit, (*tried, *inside.values()))
    columns = [best.column(share) for share in tried]
    return LineFit(
        study=study,
        trials=tuple(trials),
        as_of=as_of(trials),
        notes=tuple(notes),
        tried=tuple(tried),
        baselines=inside,
        fit=fit,
        best=best,
        of_tried=best_of_pool(
            best.mean[columns], best.draws[:, columns], np.arange(len(columns), dtype=np.intp)
        ),
    )


def num_tried_shares(study: StudySpec, complete: Sequence[Observation]) -> int:
    """At how many SFT shares there are trials of the study's own line."""
    return len({round(one.sft_share, 12) for one in complete if is_on_line(study, one)})


def line_posteriors(line: LineFit) -> dict[str, RowPosterior]:
    """Of each share tried, by its first trial."""
    columns = line.columns
    drawn = np.arange(len(columns), dtype=np.intp)
    top = probability_in_top(line.best.draws[:, columns], drawn, len(columns), TOP_K)
    rows = row_posteriors(
        line.best.mean[columns], line.best.sd[columns], top, line.of_tried, line.sign
    )
    return dict(zip(line.first_trials, rows, strict=True))


def on_line(study: StudySpec, trials: Sequence[Observation]) -> tuple[list[Observation], list[str]]:
    """The trials of the study's own line, and the ids of the others."""
    inside: list[Observation] = []
    outside: list[str] = []
    for trial in trials:
        if is_on_line(study, trial):
            inside.append(trial)
        else:
            outside.append(trial.trial_id)
    return inside, outside


def is_on_line(study: StudySpec, trial: Observation) -> bool:
    """Whether the trial differs from the study's own mixture at its share in nothing else."""
    line = dict(shares_key(study.mixture_at(round(trial.sft_share, 12)).shares))
    given = dict(shares_key(trial.shares))
    return all(
        abs(line.get(name, 0.0) - given.get(name, 0.0)) <= LINE_TOLERANCE
        for name in line.keys() | given.keys()
    )
