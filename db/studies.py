"""Queries of the study table: values in, values out."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.database import now
from db.tables import StudyRow, TrialRow
from mixtures.labels import Tag, tags_of
from mixtures.study import StudySpec
from mixtures.trial import TrialState
from mixtures.value import Value, canonical_json, hash_text


class UnknownStudy(LookupError):
    """No study of that id."""


class StoredStudy(Value):
    """A study as it is kept. `data_report` is what the check of its data found."""

    id: str
    spec: StudySpec
    data_report: dict[str, Any]
    created_at: datetime
    note: str = ""
    tags: tuple[Tag, ...] = ()
    is_archived: bool = False
    is_paused: bool = False
    priority: int = 0
    max_running: int | None = None


def study_id_of(spec: StudySpec, data_hashes: Mapping[str, str]) -> str:
    """By content: the spec as submitted, and the data that it was given."""
    return hash_text(canonical_json([spec.identity(), dict(data_hashes)]))


def insert_study(session: Session, study_id: str, spec: StudySpec, data_report: str) -> None:
    """Keep a new study; the caller has made sure that it is new."""
    session.add(
        StudyRow(
            id=study_id,
            name=spec.name,
            spec=spec.canonical(),
            data_report=data_report,
            created_at=now(),
        )
    )


def has_study(session: Session, study_id: str) -> bool:
    return session.get(StudyRow, study_id) is not None


def get_study(session: Session, study_id: str) -> StoredStudy:
    """Raises UnknownStudy."""
    row = session.get(StudyRow, study_id)
    if row is None:
        raise UnknownStudy(study_id)
    return _stored(row)


def list_studies(session: Session) -> Sequence[StoredStudy]:
    """All studies, newest first."""
    rows = session.scalars(select(StudyRow).order_by(StudyRow.created_at.desc(), StudyRow.id))
    return [_stored(row) for row in rows]


def replace_spec(session: Session, study_id: str, spec: StudySpec) -> StoredStudy:
    """The study with an extended spec under the id that it was given. Raises UnknownStudy."""
    row = session.get(StudyRow, study_id)
    if row is None:
        raise UnknownStudy(study_id)
    row.spec = spec.canonical()
    session.flush()
    return _stored(row)


def count_states(session: Session, study_id: str) -> dict[TrialState, int]:
    """Number of trials in every state, zeros included."""
    query = (
        select(TrialRow.state, func.count())
        .where(TrialRow.study_id == study_id)
        .group_by(TrialRow.state)
    )
    found = {TrialState(state): int(count) for state, count in session.execute(query)}
    return {state: found.get(state, 0) for state in TrialState}


def _stored(row: StudyRow) -> StoredStudy:
    # Not checked again: pydantic runs the checks of a spec that is a field once more.
    return StoredStudy.model_construct(
        id=row.id,
        spec=_spec_of(row.spec),
        data_report=json.loads(row.data_report),
        created_at=row.created_at.replace(tzinfo=UTC),
        note=row.note or "",
        tags=tags_of(row.tags),
        is_archived=bool(row.is_archived),
        is_paused=bool(row.is_paused),
        priority=row.priority or 0,
        max_running=row.max_running,
    )


@lru_cache(maxsize=256)
def _spec_of(text: str) -> StudySpec:
    """A spec is frozen, and to check it takes some milliseconds, of its space's corners above all:
    every request of a study would do it again.
    """
    return StudySpec.model_validate_json(text)
