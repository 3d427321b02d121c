"""Notes, tags, pauses and archiving: the columns that people change."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, select
from sqlalchemy.orm import Session

from db.studies import StoredStudy, UnknownStudy, get_study
from db.tables import StudyRow, TrialRow
from db.trials import StoredTrial, UnknownTrial, get_trial
from mixtures.labels import StudyChange, TrialChange, tags_text


def change_study(session: Session, study_id: str, change: StudyChange) -> StoredStudy:
    """The study with what was given; the rest stays. Raises UnknownStudy."""
    row = session.get(StudyRow, study_id)
    if row is None:
        raise UnknownStudy(study_id)
    given = change.model_fields_set
    _label(row, change)
    if "is_archived" in given:
        row.is_archived = change.is_archived
    if "is_paused" in given:
        row.is_paused = change.is_paused
    if "priority" in given:
        row.priority = change.priority
    if "max_running" in given:
        row.max_running = change.max_running
    session.flush()
    return get_study(session, study_id)


def change_trial(session: Session, trial_id: str, change: TrialChange) -> StoredTrial:
    """The trial with what was given; the rest stays. Raises UnknownTrial."""
    row = session.get(TrialRow, trial_id)
    if row is None:
        raise UnknownTrial(trial_id)
    _label(row, change)
    session.flush()
    return get_trial(session, trial_id)


def is_paused(session: Session, study_id: str) -> bool:
    """Whether the study waits for a user to let it go on."""
    return bool(session.scalar(select(StudyRow.is_paused).where(StudyRow.id == study_id)))


def holds(text: str, columns: Iterable[SQLColumnExpression[Any]]) -> ColumnElement[bool]:
    """That every word of `text` stands in one of the columns, whatever its case."""
    # One text a row, as words hold no spaces: lowered once, not once a column.
    lowered = func.lower(func.concat_ws(" ", *columns))
    return and_(*(func.contains(lowered, word) for word in text.lower().split()))


def has_tag(column: SQLColumnExpression[Any], tag: str) -> ColumnElement[bool]:
    """That a row has the tag. A quote inside a tag is escaped in JSON, so none can look whole."""
    wanted: ColumnElement[bool] = func.contains(
        func.coalesce(column, ""), json.dumps(tag, ensure_ascii=False)
    )
    return wanted


def _label(row: StudyRow | TrialRow, change: StudyChange | TrialChange) -> None:
    if "note" in change.model_fields_set:
        row.note = change.note or None
    if "tags" in change.model_fields_set:
        row.tags = tags_text(change.tags)
