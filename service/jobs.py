"""Long work that a client does not wait for: `Prefer: respond-async` (RFC 7240), a place to look.

A job is kept in memory for an hour after its end, and does not outlive the controller: what it does
is idempotent, so after a restart it is asked for again.
"""

import asyncio
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import structlog
from fastapi import Header, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.responses import Response

from mixtures.value import Value, added

log = structlog.get_logger()

_KEPT = timedelta(hours=1)
_MOST_KEPT = 1000
# When to look again; data are read in seconds, a dry run takes up to minutes.
LOOK_AGAIN_SECONDS = 2

Prefer = Annotated[
    str | None, Header(description="`respond-async`: 202 at once, and a job to look at")
]


class UnknownJob(LookupError):
    """No job of that id, or no longer."""


class Job(Value):
    """`status`, `location` and `answer` are what the request would have been answered with; that is
    a problem where the job has FAILED.
    """

    id: str
    operation: str
    state: Literal["RUNNING", "DONE", "FAILED"] = "RUNNING"
    created_at: datetime
    finished_at: datetime | None = None
    status: int | None = None
    location: str | None = None
    answer: Any = added(None, description="null while it runs")


class Done(Value):
    """What a job's work comes to."""

    answer: Any
    status: int = 200
    location: str | None = Field(default=None)


class Wish(Value):
    """What a job was begun for, where its request had an Idempotency-Key: the hash of caller and
    key, and of what was asked.
    """

    id: str
    fingerprint: str


class Jobs:
    """All jobs of this controller. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        # Those that run and were asked for under a key, by the wish's id.
        self._wished: dict[str, tuple[Wish, str]] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="jobs")

    def close(self) -> None:
        """Begin no more of them; what runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def accept(
        self,
        request: Request,
        operation: str,
        work: Callable[[], Done],
        wish: Wish | None = None,
    ) -> Response:
        """Begin `work`; the answer that says where to look."""
        job = Job(id=secrets.token_hex(8), operation=operation, created_at=datetime.now(UTC))
        self._keep(job)
        if wish is not None:
            with self._lock:
                self._wished[wish.id] = wish, job.id
        # With the request's id and trace, which its log lines carry.
        self._threads.submit(copy_context().run, self._run, request, job, work, wish)
        return accepted(job)

    def running_for(self, wish_id: str) -> tuple[Wish, Job] | None:
        """The job that does now what was asked for under that key."""
        with self._lock:
            wish, job_id = self._wished.get(wish_id, (None, ""))
            job = self._jobs.get(job_id)
        return None if wish is None or job is None else (wish, job)

    def get(self, job_id: str) -> Job:
        """Raises UnknownJob."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise UnknownJob(job_id)
        return job

    def _run(self, request: Request, job: Job, work: Callable[[], Done], wish: Wish | None) -> None:
        try:
            done = work()
            state: Literal["DONE", "FAILED"] = "DONE"
        except Exception as error:  # whatever it is, the service has an answer for it
            done, state = _problem(request, error), "FAILED"
        ended = {**done.model_dump(), "state": state, "finished_at": datetime.now(UTC)}
        self._keep(job.model_copy(update=ended))
        if wish is not None:
            with self._lock:
                del self._wished[wish.id]

    def _keep(self, job: Job) -> None:
        since = datetime.now(UTC) - _KEPT
        with self._lock:
            self._jobs[job.id] = job
            for old in list(self._jobs.values()):
                is_old = old.finished_at is not None and old.finished_at < since
                if is_old or len(self._jobs) > _MOST_KEPT:
                    del self._jobs[old.id]


def accepted(job: Job) -> Response:
    """202, and where to look."""
    headers = {
        "Location": f"/v1/jobs/{job.id}",
        "Retry-After": str(LOOK_AGAIN_SECONDS),
        "Preference-Applied": "respond-async",
    }
    return JSONResponse(job.model_dump(mode="json"), 202, headers)


def is_async(prefer: str | None) -> bool:
    """Whether the client would rather look later than wait now."""
    wishes = (prefer or "").lower().split(",")
    return "respond-async" in [wish.partition(";")[0].strip() for wish in wishes]


def _problem(request: Request, error: Exception) -> Done:
    """As the request itself would have been refused."""
    handlers = request.app.exception_handlers
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    response: JSONResponse = asyncio.run(handler(request, error))
    if response.status_code >= 500:
        log.error("a job failed", exc_info=error)
    return Done(answer=json.loads(bytes(response.body)), status=response.status_code)
