"""What a study has cost, what its trials still cost, and what its search may add."""

import math
from collections.abc import Sequence

from db.database import Session
from db.spending import tokens_by_state
from db.studies import StoredStudy
from db.study_list import Activity
from db.trials import StoredTrial
from mixtures.cost import Cost
from mixtures.study import StudySpec
from mixtures.trial import TrialState
from mixtures.value import Value

# Not what the first trial prepares for all. `outside`: from being asked for to being told.
_PHASES_OF_A_TRIAL = ("decay", "evaluate", "outside")
_UNFINISHED = (TrialState.WAITING, TrialState.RUNNING)


class StudyCost(Value):
    """`spent` counts trials that ended, decay tokens of COMPLETE ones and hours of all attempts;
    `left` is of the trials that are there. A search may add `search_at_most`, until `search_limit`
    of the budget is reached.
    """

    spent: Cost
    left: Cost
    search_at_most: Cost | None
    search_limit: str | None


def tokens_of(session: Session, study: StoredStudy, activity: Activity) -> dict[TrialState, int]:
    """Decay tokens of the study's trials, by state."""
    spec = study.spec
    if spec.trials_differ_in_tokens:
        return tokens_by_state(session, study.id)
    return {state: num * spec.decay.tokens for state, num in activity.trials.items()}


def study_cost(
    spec: StudySpec,
    activity: Activity,
    tokens: dict[TrialState, int],
    finished: Sequence[StoredTrial],
    is_searching: bool,
) -> StudyCost:
    """`finished` are some COMPLETE trials, which tell how long one takes; no hours without any."""
    num_trials = sum(activity.trials.values())
    num_left = sum(activity.trials[state] for state in _UNFINISHED)
    per_token = _hours_per_token(finished)
    at_most, limit = None, None
    if is_searching:
        per_trial = spec.tokens_per_trial
        num, limit = spec.budget.trials_left(
            num_trials,
            per_trial,
            activity.hours,
            (per_token or 0.0) * per_trial,
            sum(tokens.values()),
        )
        at_most = _cost(num, num * per_trial, per_token)
    return StudyCost(
        spent=Cost(
            num_trials=num_trials - num_left,
            tokens=tokens[TrialState.COMPLETE],
            hours=activity.hours,
        ),
        left=_cost(num_left, sum(tokens[state] for state in _UNFINISHED), per_token),
        search_at_most=at_most,
        search_limit=limit,
    )


def _cost(num_trials: int, tokens: int, hours_per_token: float | None) -> Cost:
    known = hours_per_token is not None or tokens == 0
    hours = tokens * (hours_per_token or 0.0) if known else None
    return Cost(num_trials=num_trials, tokens=tokens, hours=hours)


def _hours_per_token(finished: Sequence[StoredTrial]) -> float | None:
    found = seconds_per_token(finished)
    return None if found is None else found / 3600


def seconds_per_token(finished: Sequence[StoredTrial]) -> float | None:
    """Of decay and evaluation; None where no trial took time here, as imported ones did not.

    What the first trial prepares for all is not the next one's.
    """
    measured = [(_seconds_of(one), one.spec.decay.tokens) for one in finished]
    tokens = sum(num for seconds, num in measured if seconds > 0)
    return math.fsum(seconds for seconds, _ in measured) / tokens if tokens else None


def _seconds_of(trial: StoredTrial) -> float:
    seconds = trial.result.wall_seconds if trial.result is not None else {}
    return math.fsum(seconds.get(phase, 0.0) for phase in _PHASES_OF_A_TRIAL)
