"""Which confirmations a study has, and which seeds nobody has looked at."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.studies import StoredStudy, get_study
from db.tables import StudyRow, TrialRow


def confirmations_of(session: Session, study_id: str) -> Sequence[StoredStudy]:
    """Confirmations of the study, newest first."""
    asked = func.json_extract_string(StudyRow.spec, "$.confirmation.study")
    query = (
        select(StudyRow.id)
        .where(asked == study_id)
        .order_by(StudyRow.created_at.desc(), StudyRow.id)
    )
    return [get_study(session, found) for found in session.scalars(query)]


def largest_seed(session: Session, study_ids: Collection[str]) -> int | None:
    """Of all trials of these studies, in whatever state; None without any."""
    query = select(func.max(TrialRow.seed)).where(TrialRow.study_id.in_(study_ids))
    return session.scalar(query)
