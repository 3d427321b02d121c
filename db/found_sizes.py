"""How large the sources of a study are, as its finished trials found them."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import TrialRow
from mixtures.source import SourceSize
from mixtures.trial import TrialResult, TrialState


def available_tokens(session: Session, study_id: str) -> dict[str, int]:
    """Tokens of each source, as the first trial that finished found them; empty before that."""
    for result in _results(session, study_id, most=1):
        return result.available_tokens
    return {}


def source_sizes(session: Session, study_id: str) -> dict[str, SourceSize]:
    """Of each source, as the first trial that says so found them; empty where none does."""
    for result in _results(session, study_id):
        # A trial of before there were sizes has none.
        if result.source_sizes:
            return result.source_sizes
    return {}


def _results(session: Session, study_id: str, most: int | None = None) -> Iterator[TrialResult]:
    """In claiming order, each read when it is looked at."""
    query = (
        select(TrialRow.result)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.COMPLETE)
        .order_by(TrialRow.position)
        .limit(most)
    )
    for text in session.scalars(query):
        if text is not None:
            yield TrialResult.model_validate_json(text)
