"""Where a study stands: one value, the same in JSON, on the page, in events and in the CLI."""

import math
from contextlib import nullcontext
from datetime import datetime
from typing import Literal

from db.database import Session
from db.studies import StoredStudy
from db.study_list import Activity, activities
from db.trials import StoredTrial, last_complete
from mixtures.cost import Cost
from mixtures.labels import Tag
from mixtures.study import StudySpec
from mixtures.trial import Progress, TrialState
from mixtures.value import Value
from service.state import Controller
from service.study_cost import seconds_per_token, study_cost, tokens_of

# Evaluation and start-up on top of a decay's training time, before any trial has finished.
_OVERHEAD = 1.3
# Trials that the time of one is taken from, the last to end: a study may have 100,000.
MOST_MEASURED = 30
_NO_LIMIT = 2**31


class StudyStatus(Value):
    """Counts, what runs now, and how long it may take.

    `hours_spent` are of workers, summed over attempts. `spent` is what has been so far;
    `seconds_left` and `left` are of the trials that are there already. A search may add up to
    `search_at_most`, until `search_limit` of the budget is reached, all then taking
    `seconds_left_at_most`. It mostly stops before; `search_stopped` says why there is no more.
    """

    id: str
    name: str
    question: str
    state: Literal["RUNNING", "FINISHED"]
    created_at: datetime
    trials: dict[TrialState, int]
    num_trials: int
    num_finished: int
    running: tuple[Progress, ...]
    tokens_per_second: float | None
    seconds_left: float | None
    search_stopped: str | None = None
    note: str = ""
    tags: tuple[Tag, ...] = ()
    is_archived: bool = False
    is_paused: bool = False
    priority: int = 0
    max_running: int | None = None
    hours_spent: float | None = None
    last_activity: datetime | None = None
    spent: Cost
    left: Cost
    search_at_most: Cost | None = None
    search_limit: str | None = None
    seconds_left_at_most: float | None = None


def study_status(
    controller: Controller,
    study: StoredStudy,
    activity: Activity | None = None,
    within: Session | None = None,
) -> StudyStatus:
    """The status of one study, as of now; `activity` where it was counted with others, `within` a
    transaction that is not committed yet.
    """
    running = tuple(controller.scheduler.progress_of(study.id))
    with controller.database.read() if within is None else nullcontext(within) as session:
        if activity is None:
            activity = activities(session, [study.id])[study.id]
        counts = activity.trials
        num_finished = sum(n for state, n in counts.items() if state.is_finished)
        num_trials = sum(counts.values())
        # What stopped the search before this transaction may hold no more.
        stopped = None if within else controller.searcher.why_stopped(study)
        is_searching = study.spec.search is not None and stopped is None
        is_finished = num_finished == num_trials and not is_searching
        finished = [] if is_finished else last_complete(session, study.id, MOST_MEASURED)
        tokens = tokens_of(session, study, activity)
    rates = [p.tokens_per_second for p in running if p.tokens_per_second]
    is_outside = study.spec.trained_by == "outside"
    num_slots = max(
        1,
        counts[TrialState.RUNNING]
        if is_outside
        else min(controller.pool.num_slots(study.spec.resources), study.max_running or _NO_LIMIT),
    )
    spec = study.spec
    cost = study_cost(spec, activity, tokens, finished, is_searching)
    # In trials of the usual length: some may be shorter.
    num_left = cost.left.tokens / spec.tokens_per_trial
    num_with_search = num_left + (cost.search_at_most.num_trials if cost.search_at_most else 0)
    return StudyStatus(
        id=study.id,
        name=study.spec.name,
        question=study.spec.question,
        state="FINISHED" if is_finished else "RUNNING",
        created_at=study.created_at,
        trials=counts,
        num_trials=num_trials,
        num_finished=num_finished,
        running=running,
        tokens_per_second=sum(rates) if rates else None,
        seconds_left=seconds_left(spec, num_left, num_slots, finished, running),
        search_stopped=stopped,
        note=study.note,
        tags=study.tags,
        is_archived=study.is_archived,
        is_paused=study.is_paused,
        priority=study.priority,
        max_running=study.max_running,
        hours_spent=activity.hours,
        last_activity=activity.last_activity,
        spent=cost.spent,
        left=cost.left,
        search_at_most=cost.search_at_most,
        search_limit=cost.search_limit,
        seconds_left_at_most=seconds_left(spec, num_with_search, num_slots, finished, running),
    )


def seconds_left(
    spec: StudySpec,
    num_left: float,
    num_slots: int,
    finished: list[StoredTrial],
    running: tuple[Progress, ...],
) -> float | None:
    """Expected seconds until the last trial ends; None while nothing is known.

    From the mean decay and evaluation time of finished trials; before the first one, from the
    rate at which the stable phase trains. `num_left` are in trials of the study's mean tokens.
    """
    if num_left == 0:
        return 0.0
    stable_left = 0.0
    rate = None
    for progress in running:
        if progress.tokens_per_second:
            rate = progress.tokens_per_second
            if progress.phase == "stable":
                stable_left = (progress.total - progress.done) / rate
    # Imported trials took no time here.
    per_token = seconds_per_token(finished)
    if per_token is not None:
        per_trial = per_token * spec.tokens_per_trial
    elif rate is not None:
        per_trial = _OVERHEAD * spec.tokens_per_trial / rate
    else:
        return None
    # What the running trials have done already counts for them.
    done = sum(p.done / p.total for p in running if p.phase == "decay" and p.total)
    return stable_left + per_trial * max(0.0, num_left - done) / min(num_slots, math.ceil(num_left))
