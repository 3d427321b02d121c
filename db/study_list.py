"""The list of studies: which of them match a search, and what goes on in each, by counting rows."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from db.database import now
from db.labels import has_tag, holds
from db.studies import UnknownStudy
from db.tables import AttemptRow, StudyRow, TrialRow
from mixtures.labels import tags_of
from mixtures.trial import TrialState
from mixtures.value import Value

Archived = Literal["no", "yes", "all"]


class Activity(Value):
    """What goes on in a study: trials by state, hours of workers so far, when it last moved."""

    trials: dict[TrialState, int]
    hours: float
    last_activity: datetime


def find_studies(
    session: Session,
    q: str = "",
    tag: str | None = None,
    archived: Archived = "no",
    after: str | None = None,
    limit: int | None = None,
) -> list[str]:
    """Ids of the studies that match, newest first; at most `limit`, from the one behind `after`.

    Every word of `q` stands in the id, name, question, note or tags, whatever its case. Raises
    UnknownStudy for an `after` that is none.
    """
    question = func.json_extract_string(StudyRow.spec, "$.question")
    query = select(StudyRow.id).order_by(StudyRow.created_at.desc(), StudyRow.id)
    if q.strip():
        query = query.where(
            holds(q, (StudyRow.id, StudyRow.name, question, StudyRow.note, StudyRow.tags))
        )
    if tag is not None:
        query = query.where(has_tag(StudyRow.tags, tag))
    if archived != "all":
        query = query.where(func.coalesce(StudyRow.is_archived, False) == (archived == "yes"))
    if after is not None:
        last = session.scalar(select(StudyRow.created_at).where(StudyRow.id == after))
        if last is None:
            raise UnknownStudy(after)
        is_same_time = and_(StudyRow.created_at == last, StudyRow.id > after)
        query = query.where(or_(StudyRow.created_at < last, is_same_time))
    return list(session.scalars(query.limit(limit)))


def all_tags(session: Session) -> list[str]:
    """Every tag of a study, in the order of the alphabet."""
    texts = session.scalars(select(StudyRow.tags).where(StudyRow.tags.is_not(None)).distinct())
    return sorted({tag for text in texts for tag in tags_of(text)})


def activities(session: Session, study_ids: Iterable[str]) -> dict[str, Activity]:
    """Of each of these studies, in three queries for all of them together."""
    wanted = list(study_ids)
    created = session.execute(
        select(StudyRow.id, StudyRow.created_at).where(StudyRow.id.in_(wanted))
    )
    last = {study_id: at for study_id, at in created}
    counts = {study_id: dict.fromkeys(TrialState, 0) for study_id in last}
    rows = session.execute(
        select(
            TrialRow.study_id,
            TrialRow.state,
            func.count(),
            func.max(TrialRow.created_at),
            func.max(TrialRow.started_at),
            func.max(TrialRow.finished_at),
        )
        .where(TrialRow.study_id.in_(last))
        .group_by(TrialRow.study_id, TrialRow.state)
    )
    for study_id, state, count, *moments in rows:
        counts[study_id][TrialState(state)] = count
        last[study_id] = max(one for one in (last[study_id], *moments) if one is not None)
    ends = func.coalesce(AttemptRow.finished_at, now())
    seconds = func.sum(func.epoch(ends) - func.epoch(AttemptRow.started_at))
    spent = session.execute(
        select(TrialRow.study_id, seconds)
        .join(AttemptRow, TrialRow.id == AttemptRow.trial_id)
        .where(TrialRow.study_id.in_(last))
        .group_by(TrialRow.study_id)
    )
    hours = {study_id: float(total) / 3600 for study_id, total in spent}
    return {
        study_id: Activity(
            trials=counts[study_id],
            hours=hours.get(study_id, 0.0),
            last_activity=last[study_id].replace(tzinfo=UTC),
        )
        for study_id in wanted
        if study_id in last
    }
