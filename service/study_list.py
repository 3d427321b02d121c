"""The list of studies, the same in JSON and on the page: status, and the best mixture so far."""

from collections.abc import Sequence

from db.studies import get_study
from db.study_list import activities
from service.headlines import Headline
from service.state import Controller
from service.study_status import StudyStatus, study_status


class StudyListing(StudyStatus):
    """A study's status with its `headline`: None where it has no scores, or while `is_late`.

    `is_late`: the answer is being computed, or more scores have come than it is of.
    """

    headline: Headline | None
    is_late: bool


def study_listings(controller: Controller, study_ids: Sequence[str]) -> list[StudyListing]:
    """Of these studies, in their order. Reads no trials: answers come when they are computed."""
    with controller.database.read() as session:
        found = activities(session, study_ids)
        studies = [get_study(session, study_id) for study_id in study_ids if study_id in found]
    listings = []
    for study in studies:
        status = study_status(controller, study, found[study.id])
        headline, is_late = controller.headlines.of(study)
        listings.append(
            StudyListing.model_construct(
                **{name: getattr(status, name) for name in StudyStatus.model_fields},
                headline=headline,
                is_late=is_late,
            )
        )
    return listings
