"""Server-sent events of one study, and of all."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.concurrency import run_in_threadpool
from sse_starlette import EventSourceResponse, ServerSentEvent

from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep
from service.study_status import study_status

router = APIRouter(prefix="/v1", tags=["events"], dependencies=[READ])

# A comment line so often keeps proxies from closing a quiet stream.
_HEARTBEAT_SECONDS = 15

# A browser sends it by itself when it connects again.
LastEventId = Annotated[
    int | None,
    Header(alias="Last-Event-ID", ge=0, description="events after this one come first"),
]


@router.get("/events", operation_id="all_events", response_class=EventSourceResponse)
async def all_events(
    controller: ControllerDep, last_event_id: LastEventId = None
) -> EventSourceResponse:
    """`trial` and `study` of every study, for a list of them; begins with a `hello`.

    With `Last-Event-ID` what was missed comes next, or `gap` where it is not kept any more.
    """
    batches = controller.events.listen(None, last_event_id)

    async def stream() -> AsyncIterator[bytes]:
        yield ServerSentEvent("{}", event="hello").encode()
        async for events in batches:
            if chunks := [event.chunk for event in events if event.name != "progress"]:
                yield b"".join(chunks)

    return EventSourceResponse(stream(), ping=_HEARTBEAT_SECONDS)


@router.get(
    "/studies/{study_id}/events", operation_id="study_events", response_class=EventSourceResponse
)
async def study_events(
    study_id: str, controller: ControllerDep, last_event_id: LastEventId = None
) -> EventSourceResponse:
    """`status` first, then `trial` at every change of state and `progress` as trials move.

    With `Last-Event-ID` what was missed comes after `status`, or `gap` where it is not kept any
    more. A comment line every 15 seconds keeps proxies from closing a quiet stream.
    """
    study = await run_in_threadpool(stored_study, controller, study_id)
    batches = controller.events.listen(study_id, last_event_id)
    status = await run_in_threadpool(study_status, controller, study)

    async def stream() -> AsyncIterator[bytes]:
        yield ServerSentEvent(status.canonical(), event="status").encode()
        async for events in batches:
            yield b"".join(event.chunk for event in events)

    return EventSourceResponse(stream(), ping=_HEARTBEAT_SECONDS)
