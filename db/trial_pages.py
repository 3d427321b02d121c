"""Pages of a study's trials: filtered, searched and sorted in SQL, so that 100,000 cost no more
than a screen of them.

A page begins after a row, not at a number (keyset): trials that come meanwhile move nothing. The
cursor holds what the last row was sorted by and its position, which no two trials share.
"""

import base64
import binascii
import itertools
import json
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, func, or_, select
from sqlalchemy.orm import Session

from db.labels import has_tag, holds
from db.tables import ScoreRow, TrialRow
from mixtures.factors import Level
from mixtures.labels import tags_of
from mixtures.phases import Decay
from mixtures.study import StudySpec
from mixtures.trial import TrialSpec, TrialState
from mixtures.value import InvalidField, Value, canonical_json

# A minus before it turns the order round; trials without such a value come last either way.
SortKey = Literal["position", "objective", "sft_share", "seed", "finished_at"]
SORTS = (*get_args(SortKey), *(f"-{key}" for key in get_args(SortKey)))
MOST_ON_A_PAGE = 1000


class Wanted(Value):
    """Which trials of a study, and in which order."""

    states: tuple[TrialState, ...] = ()
    q: str = ""
    tag: str | None = None
    sort: str = "position"


class ListedTrial(Value):
    """One trial as a list shows it. `scores` are in the objective's metric."""

    id: str
    state: TrialState
    sft_share: float
    shares: dict[str, float]
    seed: int
    decay: Decay
    attempt: int
    scores: dict[str, float]
    message: str | None
    chosen_by: str | None
    note: str
    tags: tuple[str, ...]
    factors: dict[str, Level]


def all_trials(session: Session, study_id: str, study: StudySpec) -> list[ListedTrial]:
    """All trials of a study, in claiming order."""
    scores = _scores(session, study, ScoreRow.study_id == study_id)
    return _listed(session, TrialRow.study_id == study_id, scores)


def trial_page(
    session: Session,
    study_id: str,
    study: StudySpec,
    wanted: Wanted,
    after: str | None,
    limit: int,
) -> tuple[list[ListedTrial], str | None]:
    """At most `limit` trials and the cursor of the next page, None at the end.

    Raises InvalidField for a cursor that is none of this order's.
    """
    key, is_descending = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    query = select(TrialRow.id, TrialRow.position).where(*_matching(study_id, wanted))
    value: SQLColumnExpression[Any] = TrialRow.position
    if key == "objective":
        objective = _objective(study_id, study)
        query = query.outerjoin(objective, objective.c.trial_id == TrialRow.id)
        value = objective.c.value
    elif key != "position":
        value = getattr(TrialRow, key)
    query = query.add_columns(value.label("sorted_by"))
    if after is not None:
        query = query.where(_beyond(value, is_descending, *_cursor(after, wanted.sort)))
    order = value.desc() if is_descending else value.asc()
    rows = session.execute(
        query.order_by(order.nulls_last(), TrialRow.position).limit(limit + 1)
    ).all()
    shown = rows[:limit]
    # Only of these is more than the sorted column read: a spec takes kilobytes.
    ids = [row.id for row in shown]
    scores = _scores(session, study, ScoreRow.trial_id.in_(ids))
    found = {one.id: one for one in _listed(session, TrialRow.id.in_(ids), scores)}
    listed = [found[trial_id] for trial_id in ids]
    if len(rows) <= limit:
        return listed, None
    return listed, _written_cursor(wanted.sort, shown[-1].sorted_by, shown[-1].position)


def count_matching(session: Session, study_id: str, wanted: Wanted) -> int:
    """How many trials of the study match."""
    query = select(func.count()).select_from(TrialRow).where(*_matching(study_id, wanted))
    return session.scalar(query) or 0


def trials_version(session: Session, study_id: str) -> str:
    """A text that changes with anything that a list of the study's trials shows, in milliseconds:
    a hash of each row's columns that change, in DuckDB, put together whatever their order.

    Scores and message come with the attempt's end.
    """
    row = func.hash(
        TrialRow.id,
        TrialRow.state,
        TrialRow.attempt,
        TrialRow.finished_at,
        TrialRow.note,
        TrialRow.tags,
    )
    num, hashed = session.execute(
        select(func.count(), func.bit_xor(row)).where(TrialRow.study_id == study_id)
    ).one()
    return f"{num} {hashed}"


def next_seed(session: Session, study_id: str, spec: TrialSpec) -> int:
    """The smallest seed with which the study has no trial of this one's mixture."""
    shares = canonical_json(spec.mixture.shares)
    query = select(TrialRow.seed).where(TrialRow.study_id == study_id, TrialRow.shares == shares)
    taken = set(session.scalars(query))
    return next(seed for seed in itertools.count() if seed not in taken)


_COLUMNS = (
    TrialRow.id,
    TrialRow.state,
    TrialRow.sft_share,
    TrialRow.shares,
    TrialRow.seed,
    TrialRow.attempt,
    TrialRow.chosen_by,
    TrialRow.note,
    TrialRow.tags,
    func.json_extract_string(TrialRow.failure, "$.message").label("message"),
    func.json_extract_string(TrialRow.spec, "$.decay").label("decay"),
    func.json_extract_string(TrialRow.spec, "$.factors").label("factors"),
)


def _matching(study_id: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = [TrialRow.study_id == study_id]
    if wanted.states:
        rules.append(TrialRow.state.in_(wanted.states))
    if wanted.tag is not None:
        rules.append(has_tag(TrialRow.tags, wanted.tag))
    if wanted.q.strip():
        message = func.json_extract_string(TrialRow.failure, "$.message")
        columns = (TrialRow.id, TrialRow.note, TrialRow.tags, TrialRow.chosen_by, message)
        rules.append(holds(wanted.q, columns))
    return rules


def _objective(study_id: str, study: StudySpec) -> Any:
    """The weighted mean of each trial that has all the scores it weighs (`Objective.value`)."""
    weights = {one.name: study.objective.weight_of(one.name) for one in study.ranked_benchmarks}
    weights = {name: weight for name, weight in weights.items() if weight > 0}
    weight = case(weights, value=ScoreRow.benchmark, else_=0.0)
    total = sum(weights.values())
    return (
        select(ScoreRow.trial_id, (func.sum(weight * ScoreRow.value) / total).label("value"))
        .where(
            ScoreRow.study_id == study_id,
            ScoreRow.metric == study.objective.metric,
            ScoreRow.benchmark.in_(list(weights)),
        )
        .group_by(ScoreRow.trial_id)
        .having(func.count() == len(weights))
        .subquery()
    )


def _beyond(
    value: SQLColumnExpression[Any], is_descending: bool, last: Any, position: int
) -> ColumnElement[bool]:
    """What comes after the row that was sorted by `last` and stood at `position`."""
    later = TrialRow.position > position
    if last is None:
        return and_(value.is_(None), later)
    further = value < last if is_descending else value > last
    return or_(further, and_(value == last, later), value.is_(None))


def _scores(
    session: Session, study: StudySpec, which: ColumnElement[bool]
) -> dict[str, dict[str, float]]:
    rows = session.execute(
        select(ScoreRow.trial_id, ScoreRow.benchmark, ScoreRow.value)
        .where(which, ScoreRow.metric == study.objective.metric)
        .order_by(ScoreRow.benchmark)
    )
    found: dict[str, dict[str, float]] = {}
    for trial_id, benchmark, value in rows:
        found.setdefault(trial_id, {})[benchmark] = value
    return found


def _listed(
    session: Session, which: ColumnElement[bool], scores: dict[str, dict[str, float]]
) -> list[ListedTrial]:
    rows = session.execute(select(*_COLUMNS).where(which).order_by(TrialRow.position))
    return [
        # What our own tables hold was checked when it was written.
        ListedTrial.model_construct(
            id=row.id,
            state=TrialState(row.state),
            sft_share=row.sft_share,
            shares=json.loads(row.shares or "{}"),
            seed=row.seed,
            decay=Decay.model_validate_json(row.decay),
            attempt=row.attempt,
            scores=scores.get(row.id, {}),
            message=row.message,
            chosen_by=row.chosen_by,
            note=row.note or "",
            tags=tags_of(row.tags),
            factors=json.loads(row.factors or "{}"),
        )
        for row in rows
    ]


def _written_cursor(sort: str, value: Any, position: int) -> str:
    text = json.dumps([sort, value.isoformat() if isinstance(value, datetime) else value, position])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _cursor(text: str, sort: str) -> tuple[Any, int]:
    """What the last row was sorted by and its position; raises InvalidField."""
    try:
        of, value, position = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if "finished_at" in of and value is not None:
            value = datetime.fromisoformat(value)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidField(
            "after", text, "no cursor; give next_after of the page before"
        ) from error
    is_ours = type(position) is int and type(value) in (int, float, datetime, type(None))
    if of != sort or not is_ours:
        raise InvalidField(
            "after", text, f"a cursor of another order than {sort!r}; begin without after"
        )
    return value, position
