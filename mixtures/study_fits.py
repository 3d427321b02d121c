"""The surrogates of a study's stored scores: one for each benchmark, and any weighting of them.

What asks how answers move (transfer score, Pareto front, best share by benchmark, effects) needs
the posterior of many weightings of the same benchmarks. A study whose mixtures differ in their SFT
share alone has a Gaussian process over that share (`surrogates/share_gp.py`), fitted to the
weighted scores themselves, as its recommendation is; any other has a stack for each benchmark
(`surrogates/stack.py`), summed and calibrated. Everything here is a loss: less is better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixtures.factor_levels import own_levels
from mixtures.factors import words_of
from mixtures.fitted import Fitted, LineFitted, StackFitted, is_constant
from mixtures.named_subset import subset_notes
from mixtures.objective import Objective
from mixtures.observation import Observation, as_of, consistent, with_all_scores
from mixtures.own_evidence import MIN_MIXTURES
from mixtures.recommend_words import more_needed
from mixtures.recommendation import NotEnoughTrials
from mixtures.search_data import MOST_TARGETS, SearchData, search_data
from mixtures.share_line import MIN_SHARES, on_line
from mixtures.study import StudySpec
from mixtures.surrogates.objective_fit import combine
from mixtures.surrogates.seam import Array, Trials, assign_folds
from mixtures.surrogates.share_gp import fit_share_gp
from mixtures.surrogates.stack import StackFit, fit_stacks

# Fourteen stacks at 256 mixtures take 20 s of a core, and the time grows with the cube.
MOST_MIXTURES = 256
NUM_FOLDS = 5
# Any does: one set of scores gives one answer.
FOLD_SEED = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyFits:
    """`parts` are what was measured, mostly benchmarks; `raw` (P,) of each are the losses of the P
    distinct mixtures `shares` (P, K) over `sources`, seeds' own effects taken out.

    `as_of` names the scores by content, `subset` the mixtures that are here where these are not
    all; `notes` say in sentences what was left out; `made` keeps
    the weightings that were asked for.
    """

    study: StudySpec
    parts: tuple[str, ...]
    sources: tuple[str, ...]
    shares: Array
    raw: dict[str, Array]
    trials: tuple[Observation, ...]
    stacks: dict[str, StackFit]
    signs: dict[str, float]
    as_of: str
    subset: str | None
    notes: tuple[str, ...]
    made: dict[tuple[tuple[str, float], ...], Fitted] = field(default_factory=dict, repr=False)

    @property
    def is_line(self) -> bool:
        return self.study.space.is_line

    @property
    def is_sft(self) -> NDArray[np.bool_]:
        """(K,)"""
        return np.array([source.kind == "sft" for source in self.study.sources])

    @property
    def sft_shares(self) -> Array:
        """(P,)"""
        total: Array = self.shares[:, self.is_sft].sum(axis=1)
        return total

    @property
    def surrogate(self) -> str:
        return "share_gp" if self.is_line else "stack"

    def raw_of(self, weights: Mapping[str, float]) -> Array:
        """(P,) the weighted mean of what was measured."""
        total = sum(weights.values())
        parts = [weight / total * self.raw[name] for name, weight in weights.items()]
        return np.asarray(np.sum(parts, axis=0))

    def of(self, weights: Mapping[str, float]) -> Fitted:
        """The posterior of the weighted mean of these parts; one weight at least is above 0."""
        total = sum(weights.values())
        scaled = {name: weight / total for name, weight in weights.items() if weight > 0}
        key = tuple(sorted(scaled.items()))
        if key not in self.made:
            self.made[key] = self._fit(scaled)
        return self.made[key]

    def _fit(self, scaled: Mapping[str, float]) -> Fitted:
        if self.is_line:
            factors = {name: weight * self.signs[name] for name, weight in scaled.items()}
            values = [
                sum(factor * trial.scores[name] for name, factor in factors.items())
                for trial in self.trials
            ]
            shares = [round(trial.sft_share, 12) for trial in self.trials]
            seeds = [trial.seed for trial in self.trials]
            return LineFitted(fit_share_gp(shares, seeds, values), self.is_sft)
        moving = {name: self.stacks[name] for name in scaled if name in self.stacks}
        still = float(sum(scaled[name] * self.raw[name][0] for name in scaled.keys() - moving))
        rows = dict.fromkeys(moving, np.arange(len(self.shares)))
        return StackFitted(combine(moving, rows, scaled, len(self.shares), still))


def fit_study(
    study: StudySpec, observations: Sequence[Observation], signs: Mapping[str, float] | None = None
) -> StudyFits:
    """The surrogates of all completed trials. Raises NotEnoughTrials.

    The parts are the benchmarks with the objective's metric; with `signs` given, its keys, which
    are what the observations' scores are called, each 1 where less is better and -1 where more is.
    """
    if signs is None:
        sign = study.objective.loss_sign
        signs = dict.fromkeys((one.name for one in study.ranked_benchmarks), sign)
    observations, wrong = consistent(study, observations)
    trials, notes = _usable(study, observations, list(signs))
    notes = [*wrong, *notes]
    _require_scores(observations, list(signs))
    if study.space.is_line:
        tried = {round(trial.sft_share, 12) for trial in trials}
        _require(len(tried), MIN_SHARES, "SFT share")
    data = _mixtures(study, trials, signs)
    num_mixtures = 0 if data is None else len(data.shares)
    if not study.space.is_line:
        _require(num_mixtures, MIN_MIXTURES, "mixture")
    assert data is not None
    notes += subset_notes(data.subset)
    raw: dict[str, Array] = {name: one.targets for name, (_, one) in data.parts.items()}
    return StudyFits(
        study=study,
        parts=tuple(signs),
        sources=tuple(source.name for source in study.sources),
        shares=data.shares,
        raw=raw,
        trials=tuple(trials),
        stacks={} if study.space.is_line else _stacks(data),
        signs=dict(signs),
        as_of=as_of(trials),
        subset=data.subset,
        notes=tuple(notes),
    )


def _require_scores(observations: Sequence[Observation], parts: Sequence[str]) -> None:
    """A metric that no trial has is no matter of more trials, and the message says so."""
    silent = [name for name in parts if not any(name in one.scores for one in observations)]
    if observations and silent:
        raise NotEnoughTrials(f"no completed trial has a score in {', '.join(silent)}")


def _require(found: int, needed: int, noun: str) -> None:
    if found < needed:
        raise NotEnoughTrials(
            f"this needs completed trials at {needed} {noun}s or more; there are {found}, so "
            f"{more_needed(needed - found, noun)}"
        )


def _usable(
    study: StudySpec, observations: Sequence[Observation], parts: Sequence[str]
) -> tuple[list[Observation], list[str]]:
    """Trials with every score that is asked for, and on a line those that lie on it."""
    own = own_levels(study)
    at_own = [trial for trial in observations if trial.factors == own]
    usable, notes = with_all_scores(at_own, parts)
    off_line: list[str] = []
    if study.space.is_line:
        usable, off_line = on_line(study, usable)
    num_other = len(observations) - len(at_own)
    if num_other:
        whose = (
            f"at other levels than the study's own ({words_of(own)})" if own else "of short decays"
        )
        notes.append(f"{num_other} trials {whose} are left out.")
    if off_line:
        notes.append(
            f"Left out, because they change the shares inside the pretraining or the SFT sources: "
            f"{', '.join(off_line)}."
        )
    return usable, notes


def _mixtures(
    study: StudySpec, trials: Sequence[Observation], signs: Mapping[str, float]
) -> SearchData | None:
    """The search's own view of the scores: a row a mixture, with repeats and their noise."""
    plain = Objective(metric=study.objective.metric, better=study.objective.better)
    flip = plain.loss_sign
    as_losses = [
        one.model_copy(
            update={"scores": {name: flip * signs[name] * one.scores[name] for name in signs}}
        )
        for one in trials
    ]
    most = min(MOST_MIXTURES, MOST_TARGETS // len(signs))
    return search_data(study.model_copy(update={"objective": plain}), as_losses, most)


def _stacks(data: SearchData) -> dict[str, StackFit]:
    """Of the parts that move."""
    folds = assign_folds(len(data.shares), NUM_FOLDS, FOLD_SEED)
    targets = {
        name: Trials(
            shares=data.shares,
            targets=measured.targets,
            noise=1.0 / measured.repeats,
            folds=folds,
            noise_variance=measured.noise_variance,
            noise_df=measured.noise_df,
        )
        for name, (_, measured) in data.parts.items()
        if not is_constant(measured.targets)
    }
    if not targets:
        return {}
    return dict(zip(targets, fit_stacks(list(targets.values())), strict=True))
