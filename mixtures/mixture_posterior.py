"""The fit of a study whose mixtures differ in more than their SFT share, by the way of `fit`.

`own_answer.py` does all of the statistics, as for a team's own CSV; here a study's trials go in
(`study_trials.py`), and its space says which mixtures may be recommended.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mixtures.observation import Observation
from mixtures.own_answer import OwnAnswer, answer_own
from mixtures.own_tables import BadTable
from mixtures.own_trials import OwnTrials
from mixtures.recommend_words import more_needed
from mixtures.recommendation import NotEnoughTrials
from mixtures.row_posterior import RowPosterior, row_posteriors
from mixtures.study import StudySpec
from mixtures.study_trials import study_trials
from mixtures.surrogates.seam import Array
from mixtures.tried_region import Allowed, is_inside

# The least that leave two when one is left out (`own_objective.py`).
MIN_MIXTURES = 3
NUM_SAMPLES, SEED = 4_096, 0
# Shares keep a rule to this: HiGHS and the rounding of twelve digits are far below.
RULE_TOLERANCE = 1e-6


def fit_mixtures(study: StudySpec, complete: Sequence[Observation]) -> OwnAnswer:
    """Of trials with all their scores; raises NotEnoughTrials below three mixtures."""
    trials = study_trials(study, complete) if complete else None
    num = len(trials.shares) if trials else 0
    if trials is None or num < MIN_MIXTURES:
        raise NotEnoughTrials(
            f"a recommendation needs completed trials of {MIN_MIXTURES} mixtures or more; there "
            f"are {num}, so {more_needed(MIN_MIXTURES - num, 'mixture')}"
        )
    try:
        return answer_own(
            trials,
            is_loss=study.objective.loss_sign > 0,
            candidates=None,
            num_samples=NUM_SAMPLES,
            seed=SEED,
            is_allowed=allowed_by(study),
        )
    except BadTable as error:
        raise NotEnoughTrials(str(error)) from error


def allowed_by(study: StudySpec) -> Allowed | None:
    """Whether mixtures (P, K) keep the rules of the study's space, in one of its slices.

    None where the space is a line: what a team brought from beside it is all that there is.
    """
    if study.space.is_line:
        return None
    slices = []
    for sft_share in study.space.slices:
        rules = study.space_rules(sft_share)
        slices.append(
            (
                np.array([rule.coefficients for rule in rules]),
                np.array([rule.bound for rule in rules]),
                np.array([rule.is_equal for rule in rules]),
            )
        )

    def is_allowed(shares: Array) -> NDArray[np.bool_]:
        found = np.zeros(len(shares), dtype=bool)
        for rows, bounds, is_equal in slices:
            over = shares @ rows.T - bounds
            over = np.where(is_equal, np.abs(over), over)
            found |= (over <= RULE_TOLERANCE).all(axis=1)
        return found

    return is_allowed


def mixture_posteriors(answer: OwnAnswer) -> dict[str, RowPosterior]:
    """Of each mixture that was tried, by its first trial."""
    pool = answer.of_trials
    rows = row_posteriors(pool.mean, pool.sd, pool.top_k, pool.best, answer.sign)
    return dict(zip(pool.ids, rows, strict=True))


def outside_region(answer: OwnAnswer) -> frozenset[str]:
    """First trials of the mixtures that no mixture of fitted ones makes."""
    trials: OwnTrials = answer.trials
    is_fitted = np.isfinite(answer.fit.targets)
    left = [name for name, point in trials.point_of.items() if not is_fitted[point]]
    if not left:
        return frozenset()
    points = trials.shares[[trials.point_of[name] for name in left]]
    inside = is_inside(points, trials.shares[is_fitted])
    return frozenset(name for name, is_in in zip(left, inside, strict=True) if not is_in)


def row_of(shares: Mapping[str, float], sources: Sequence[str]) -> Array:
    """(K,) in the order of the sources."""
    return np.array([shares.get(name, 0.0) for name in sources])
