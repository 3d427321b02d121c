"""What is kept of one trial beside its scores: learning curve, items, attempts, log.

The trial's page and the API's routes both come from here.
"""

from pathlib import Path
from typing import Literal

from db.attempts import Attempt, list_attempts
from db.trials import StoredTrial
from mixtures.item import AnsweredItem, ItemCount, ItemScore, TrialItems
from mixtures.trial import CurvePoint, RatePoint, TrialState
from mixtures.value import Value
from service.errors import BadInput
from service.state import Controller
from workers.pool import ItemsDamaged, read_items, trial_log_path

# The end of a log is what one looks for; this much of it is some thousand lines.
MOST_LOG_BYTES = 200_000
ITEMS_A_PAGE = 10

Answered = Literal["all", "right", "wrong"]


class TrialCurve(Value):
    """The learning curve, which is the same at every run, and the throughput, which is not.

    `why_none` says why there is none.
    """

    trial_id: str
    points: tuple[CurvePoint, ...]
    rates: tuple[RatePoint, ...]
    why_none: str | None


class TrialAttempts(Value):
    trial_id: str
    attempts: tuple[Attempt, ...]


def trial_curve(trial: StoredTrial) -> TrialCurve:
    """Of the attempt that counted."""
    points = trial.result.curve if trial.result else ()
    return TrialCurve(
        trial_id=trial.id,
        points=points,
        rates=trial.result.rates if trial.result else (),
        why_none=None if points else _why_no_curve(trial),
    )


def trial_attempts(controller: Controller, trial: StoredTrial) -> TrialAttempts:
    with controller.database.read() as session:
        return TrialAttempts(trial_id=trial.id, attempts=tuple(list_attempts(session, trial.id)))


def trial_items(
    controller: Controller,
    trial: StoredTrial,
    benchmark: str | None = None,
    answered: Answered = "all",
    after: int = -1,
    limit: int = ITEMS_A_PAGE,
) -> TrialItems:
    """A page of the items of one benchmark, or the counts alone where none is named.

    Items that were not right or wrong are only among `all`, the likeliest answers last: those come
    first that the trial knew least. Raises BadInput for a benchmark that is not there.
    """
    try:
        kept = read_items(controller.settings.home, trial.id)
        why_none = None if kept else _why_no_items(trial)
    except ItemsDamaged as error:
        kept, why_none = None, str(error)
    scores = kept.scores if kept else ()
    counts = _counts(scores)
    names = [one.benchmark for one in counts]
    if benchmark is not None and kept is not None and benchmark not in names:
        raise BadInput("benchmark", benchmark, f"expected one of {names}")
    wanted = [score for score in scores if score.benchmark == benchmark]
    if answered != "all":
        wanted = [score for score in wanted if score.is_right is (answered == "right")]
    wanted.sort(key=lambda score: (-score.bits_per_byte, score.item))
    page = wanted[after + 1 : after + 1 + limit]
    last = after + len(page)
    return TrialItems(
        trial_id=trial.id,
        benchmarks=tuple(counts),
        benchmark=benchmark,
        answered=answered,
        num_matching=len(wanted),
        items=tuple(
            AnsweredItem(
                score=score,
                bits_per_byte=score.bits_per_byte,
                text=kept.texts.get((score.benchmark, score.item)) if kept else None,
            )
            for score in page
        ),
        next_after=last if last + 1 < len(wanted) else None,
        why_none=why_none,
    )


def trial_log(controller: Controller, trial: StoredTrial) -> str:
    """The last MOST_LOG_BYTES of the trial's log; empty where it has none."""
    return _tail(trial_log_path(controller.settings.home, trial.id))


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(0, 2)
            start = max(0, stream.tell() - MOST_LOG_BYTES)
            stream.seek(start)
            text = stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    # From a whole line on.
    return text if start == 0 else text.partition("\n")[2]


def _counts(scores: tuple[ItemScore, ...]) -> list[ItemCount]:
    own: dict[str, list[ItemScore]] = {}
    for score in scores:
        own.setdefault(score.benchmark, []).append(score)
    return [
        ItemCount(
            benchmark=name,
            num_items=len(items),
            num_right=None
            if all(one.is_right is None for one in items)
            else sum(one.is_right is True for one in items),
        )
        for name, items in own.items()
    ]


def _why_no_curve(trial: StoredTrial) -> str:
    if trial.spec.recipe.trained_by == "outside":
        return "It was trained outside, and its learning curve stayed there."
    if trial.state is TrialState.COMPLETE:
        return "It was not kept."
    return "It is kept when the trial is complete."


def _why_no_items(trial: StoredTrial) -> str:
    if trial.spec.recipe.trained_by == "outside":
        return "It was trained outside, and only scores were told."
    if trial.state is TrialState.COMPLETE:
        return (
            "This trial ran before items were kept, or its folder is gone. Repeat it with a new "
            "seed to have them."
        )
    return "They are kept when the trial is complete."
