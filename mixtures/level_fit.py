"""A study with factors, ranked: one fit over mixtures and levels, and one combination for a curve.

The fit is the search's (`search_gp.py`): a product over mixture and levels, so trials at one level
tell of another as far as scores say. Rows get their posterior from it. A recommendation is another
fit's, over mixtures alone; one curve through several levels would give a share the credit of a
schedule, so it gets the trials of one combination of levels: that of the mixture with the best
posterior mean among combinations with enough trials, at the study's own level of those factors of
which no best one is sought.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.best_of_pool import best_of_pool, contenders, draw
from mixtures.factor_levels import own_levels
from mixtures.factors import Levels, words_of
from mixtures.mixture import Mixture, sft_share
from mixtures.observation import Key, Observation
from mixtures.polytope import Array
from mixtures.recommendation import NotEnoughTrials
from mixtures.row_posterior import TOP_K, RowPosterior, probability_in_top, row_posteriors
from mixtures.search_data import SearchData, search_data
from mixtures.search_gp import Posterior, posterior_of
from mixtures.space_filling import named_rng
from mixtures.study import StudySpec

# Of mixtures at one combination of levels: as many as a curve over one share takes.
LEAST_MIXTURES = 4
_MOST_MIXTURES = 2_000
_NUM_DRAWS = 4_096


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelFit:
    """`first_trials` are those of the rows, mixtures at their levels, in the order of the data."""

    study: StudySpec
    data: SearchData
    posterior: Posterior
    mean: Array
    first_trials: tuple[str, ...]

    def is_at(self, names: Sequence[str], levels: Levels) -> list[int]:
        """Rows with these levels."""
        return [
            row
            for row, own in enumerate(self.data.factors)
            if all(own[name] == levels[name] for name in names)
        ]


def fit_levels(study: StudySpec, complete: Sequence[Observation]) -> LevelFit:
    """Of trials with all their scores; raises NotEnoughTrials below four mixtures."""
    data = search_data(study, complete, _MOST_MIXTURES)
    if data is None or len(data.points) < LEAST_MIXTURES:
        num = 0 if data is None else len(data.points)
        raise NotEnoughTrials(
            f"a ranking over mixtures and levels needs {LEAST_MIXTURES} of them with scores; there "
            f"are {num}"
        )
    posterior = posterior_of(list(data.parts.values()), [None] * len(data.parts))
    first: dict[Key, str] = {}
    for trial in complete:
        first.setdefault(trial.key, trial.trial_id)
    return LevelFit(
        study=study,
        data=data,
        posterior=posterior,
        mean=posterior.mean(data.points),
        first_trials=tuple(first[key] for key in data.keys),
    )


def level_posteriors(fit: LevelFit) -> dict[str, RowPosterior]:
    """Of each row, by its first trial. Where no best level is sought of a factor, a row is compared
    with those at its own.
    """
    each = fit.study.compared_within
    groups: dict[str, list[int]] = {}
    for row, levels in enumerate(fit.data.factors):
        groups.setdefault(words_of({name: levels[name] for name in each}), []).append(row)
    found: dict[str, RowPosterior] = {}
    for words, rows in groups.items():
        points, mean = fit.data.points[rows], fit.mean[rows]
        sd = np.sqrt(fit.posterior.variance(points))
        drawn = contenders(mean, sd)
        draws = draw(
            mean[drawn],
            fit.posterior.covariance(points[drawn]),
            _NUM_DRAWS,
            named_rng("level_posteriors", words, len(rows)),
        )
        posteriors = row_posteriors(
            mean,
            sd,
            probability_in_top(draws, drawn, len(rows), TOP_K),
            best_of_pool(mean, draws, drawn),
            fit.study.objective.loss_sign,
        )
        found |= {fit.first_trials[row]: one for row, one in zip(rows, posteriors, strict=True)}
    return found


def at_best_levels(
    fit: LevelFit, complete: Sequence[Observation]
) -> tuple[list[Observation], Levels, str]:
    """The trials of one combination of levels, the levels, and a sentence on the choice; raises
    NotEnoughTrials where no combination has enough.
    """
    own, names = own_levels(fit.study), [str(axis.name) for axis in fit.study.axes]
    rows = fit.is_at(fit.study.compared_within, own)
    enough = [row for row in rows if len(fit.is_at(names, fit.data.factors[row])) >= LEAST_MIXTURES]
    if not enough:
        best = min(rows, key=lambda row: fit.mean[row], default=None)
        leader = "" if best is None else f". Best so far: {_words_at(fit, best)}"
        raise NotEnoughTrials(
            f"trials of this study differ in {', '.join(names)} too, and a share is recommended "
            f"from trials that agree in them: no combination of levels has {LEAST_MIXTURES} "
            f"mixtures with scores. The leaderboard ranks mixtures with their levels{leader}"
        )
    levels = fit.data.factors[min(enough, key=lambda row: fit.mean[row])]
    trials = [trial for trial in complete if trial.factors == levels]
    num = len({words_of(fit.data.factors[row]) for row in enough})
    note = (
        f"For {words_of(levels)}: of the {num} combinations of levels with enough mixtures the one "
        f"with the best posterior mean. The {len(complete) - len(trials)} trials at other levels "
        "are not in this fit."
    )
    return trials, levels, note


def _words_at(fit: LevelFit, row: int) -> str:
    """A row as a person reads it, by its SFT share and its largest shares."""
    mixture = fit.data.mixtures[row]
    sft = sft_share(Mixture(shares=mixture), fit.study.sources)
    shares = sorted(mixture.items(), key=lambda one: -one[1])
    largest = ", ".join(f"{name} {share:.3g}" for name, share in shares[:4] if share > 0)
    more = ", ..." if len([share for _, share in shares if share > 0]) > 4 else ""
    return f"{100 * sft:.3g} % SFT ({largest}{more}) at {words_of(fit.data.factors[row])}"
