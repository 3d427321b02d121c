"""Server-sent events of one study, and of all."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from sse_starlette import EventSourceResponse

from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep
from service.study_status import study_status

router = APIRouter(prefix="/v1", tags=["events"], dependencies=[READ])


@router.get("/events", operation_id="all_events", response_class=EventSourceResponse)
async def all_events(controller: ControllerDep) -> EventSourceResponse:
    """`trial` and `study` of every study, for a list of them; begins with a `hello`."""
    messages = controller.events.listen(None)

    async def stream() -> AsyncIterator[dict[str, str]]:
        yield {"event": "hello", "data": "{}"}
        async for message in messages:
            if message["event"] != "progress":
                yield message

    return EventSourceResponse(stream(), ping=15)


@router.get(
    "/studies/{study_id}/events", operation_id="study_events", response_class=EventSourceResponse
)
async def study_events(study_id: str, controller: ControllerDep) -> EventSourceResponse:
    """`status` first, then `trial` at every change of state and `progress` as trials move.

    A comment line every 15 seconds keeps proxies from closing a quiet stream.
    """
    study = await run_in_threadpool(stored_study, controller, study_id)
    messages = controller.events.listen(study_id)
    status = await run_in_threadpool(study_status, controller, study)

    async def stream() -> AsyncIterator[dict[str, str]]:
        yield {"event": "status", "data": status.canonical()}
        async for message in messages:
            yield message

    return EventSourceResponse(stream(), ping=15)
