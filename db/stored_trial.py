"""A trial as it is kept, read from its row."""

from datetime import UTC, datetime

from db.tables import TrialRow
from mixtures.labels import Tag, tags_of
from mixtures.trial import TrialFailure, TrialResult, TrialSpec, TrialState
from mixtures.value import Value


class StoredTrial(Value):
    """A trial as it is kept."""

    id: str
    study_id: str
    spec: TrialSpec
    state: TrialState
    attempt: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: TrialResult | None
    failure: TrialFailure | None
    chosen_by: str | None = None
    note: str = ""
    tags: tuple[Tag, ...] = ()


def stored_trial(row: TrialRow) -> StoredTrial:
    """The row's trial."""
    return StoredTrial(
        id=row.id,
        study_id=row.study_id,
        spec=TrialSpec.model_validate_json(row.spec),
        state=TrialState(row.state),
        attempt=row.attempt,
        cancel_requested=row.cancel_requested,
        created_at=row.created_at.replace(tzinfo=UTC),
        started_at=row.started_at and row.started_at.replace(tzinfo=UTC),
        finished_at=row.finished_at and row.finished_at.replace(tzinfo=UTC),
        result=TrialResult.model_validate_json(row.result) if row.result else None,
        failure=TrialFailure.model_validate_json(row.failure) if row.failure else None,
        chosen_by=row.chosen_by,
        note=row.note or "",
        tags=tags_of(row.tags),
    )
