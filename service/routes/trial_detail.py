"""One trial closely: its learning curve, its items, its attempts and its log."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse

from db.trials import StoredTrial, get_trial
from mixtures.item import TrialItems
from service.paging import Limit, link_next, page_of
from service.scopes import READ
from service.state import Controller, ControllerDep
from service.trial_detail import (
    ITEMS_A_PAGE,
    Answered,
    TrialAttempts,
    TrialCurve,
    trial_attempts,
    trial_curve,
    trial_items,
    trial_log,
)

router = APIRouter(prefix="/v1/trials/{trial_id}", tags=["trials"], dependencies=[READ])


@router.get("/curve", operation_id="get_trial_curve")
def curve(trial_id: str, controller: ControllerDep) -> TrialCurve:
    """Loss and learning rate along the decay, at most 500 points, and the throughput beside."""
    return trial_curve(stored_trial(controller, trial_id))


@router.get("/items", operation_id="get_trial_items")
def items(
    trial_id: str,
    request: Request,
    response: Response,
    controller: ControllerDep,
    benchmark: str | None = None,
    answered: Answered = "all",
    after: Annotated[int, Query(ge=-1)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = ITEMS_A_PAGE,
) -> TrialItems:
    """How many items of each benchmark were right, and of `benchmark` the items, hardest first."""
    trial = stored_trial(controller, trial_id)
    page = trial_items(controller, trial, benchmark, answered, after, limit)
    link_next(request, response, page.next_after)
    return page


@router.get("/attempts", operation_id="get_trial_attempts")
def attempts(
    trial_id: str,
    request: Request,
    response: Response,
    controller: ControllerDep,
    limit: Limit = None,
    after: Annotated[int, Query(ge=0, description="the last number of the page before")] = 0,
) -> TrialAttempts:
    """Every try at the trial: when it began, when and how it ended."""
    found = trial_attempts(controller, stored_trial(controller, trial_id))
    later = [one for one in found.attempts if one.number > after]
    page = page_of(request, response, later, limit, lambda one: one.number)
    return TrialAttempts(trial_id=trial_id, attempts=tuple(page))


@router.get("/log", operation_id="get_trial_log", response_class=PlainTextResponse)
def log(trial_id: str, controller: ControllerDep) -> PlainTextResponse:
    """What its worker said, as text; empty where nothing was kept."""
    return PlainTextResponse(trial_log(controller, stored_trial(controller, trial_id)))


def stored_trial(controller: Controller, trial_id: str) -> StoredTrial:
    """Raises UnknownTrial."""
    with controller.database.read() as session:
        return get_trial(session, trial_id)
