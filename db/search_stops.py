"""Why each search proposes no more, kept over a restart.

The choice to stop rests on a fit that begins where the one before it ended. A controller that was
started anew begins from nothing, and near the bound the two disagree: a study that had said that
nothing is left to gain went on. So what was decided of a number of finished trials stays decided.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.tables import StudyRow
from mixtures.value import Value


class SearchStop(Value):
    """`reason` was found when `num_finished` trials of the study had finished."""

    reason: str
    num_finished: int


def search_stops(session: Session) -> dict[str, SearchStop]:
    """Of each study whose search has stopped, by the study's id."""
    query = select(StudyRow.id, StudyRow.search_stop).where(StudyRow.search_stop.is_not(None))
    return {
        study_id: SearchStop.model_validate_json(text)
        for study_id, text in session.execute(query)
        if text is not None
    }


def keep_search_stop(session: Session, study_id: str, stop: SearchStop | None) -> None:
    """None: the search goes on."""
    text = None if stop is None else stop.model_dump_json()
    session.execute(update(StudyRow).where(StudyRow.id == study_id).values(search_stop=text))
