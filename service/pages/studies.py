"""The first page: every study, how far it is and what it says so far."""

import math
import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response

from db.studies import StoredStudy, list_studies
from mixtures.rank import Leaderboard
from mixtures.recommendation import NotEnoughTrials, Recommendation
from service.answers import FitNotReady
from service.pages.html import html_page
from service.state import Controller, ControllerDep
from service.study_status import StudyStatus, study_status

router = APIRouter(include_in_schema=False)

# Each study on a page has its curve fitted when it is first shown, and `Answers` keeps 64 answers,
# two a study: more than 32 on a page would be fitted again at every visit.
STUDIES_PER_PAGE = 20
# A fit takes seconds the first time. After this long the rest of the page is shown without its
# answers, and the page's script asks again until all are there.
FIT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyCard:
    """One study in the list. `is_late`: its answer was not looked for, to show the page sooner."""

    status: StudyStatus
    board: Leaderboard
    recommendation: Recommendation | None
    is_late: bool


@router.get("/")
def studies_page(controller: ControllerDep, page: Annotated[int, Query(ge=1)] = 1) -> Response:
    """Newest first, a page at a time."""
    with controller.database.read() as session:
        stored = list_studies(session)
    first = (page - 1) * STUDIES_PER_PAGE
    deadline = time.monotonic() + FIT_SECONDS
    return html_page(
        "studies.html",
        cards=[
            _card(controller, study, deadline) for study in stored[first : first + STUDIES_PER_PAGE]
        ],
        num_studies=len(stored),
        page=page,
        num_pages=max(1, math.ceil(len(stored) / STUDIES_PER_PAGE)),
    )


def _card(controller: Controller, study: StoredStudy, deadline: float) -> StudyCard:
    seconds = max(0.0, deadline - time.monotonic())
    recommendation, is_late = None, False
    with controller.database.read() as session:
        board = controller.answers.leaderboard(session, study, seconds)
        try:
            recommendation = controller.answers.recommendation(session, study, seconds=0.0)
        except FitNotReady:
            is_late = True
        except NotEnoughTrials:
            pass
    return StudyCard(
        status=study_status(controller, study),
        board=board,
        recommendation=recommendation,
        is_late=is_late,
    )
