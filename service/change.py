"""A request that changes something: its rows, its audit entry, and the answer that is kept under
its Idempotency-Key, in one transaction.

The header follows draft-ietf-httpapi-idempotency-key-header-07: the same key with the same request
is answered as before, with another request 422, and 409 while the first is being answered. Only
answers to changes that were made are kept: after a refusal the key may be used again.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from db import audit
from db.answered import KeptAnswer, find_answer, keep_answer, prune_answers
from db.database import Session
from mixtures.value import canonical_json, hash_text
from service.auth import entry_of
from service.errors import BadInput
from service.jobs import Job, Wish, accepted, is_async
from service.replay import AnsweredBefore, StillAnswering
from service.scopes import caller_of
from service.state import Controller, ControllerDep

# How long an answer is kept: a script that is run again the next morning finds it.
KEPT_SECONDS = 24 * 3600.0

Answer = TypeVar("Answer", bound=BaseModel | dict[str, Any])


class Change:
    """What a route that changes something writes through. Without a key nothing is kept."""

    def __init__(
        self, request: Request, response: Response, controller: Controller, answer_id: str = ""
    ) -> None:
        self._request, self._response = request, response
        self._controller, self._answer_id = controller, answer_id
        asked = f"{request.method} {request.url.path}?{request.url.query}\n"
        self._fingerprint = hashlib.sha256(asked.encode())
        declared = getattr(request.scope.get("route"), "status_code", None)
        self._status: int = declared or 200

    @property
    def status(self) -> int:
        """What is answered, or the route's own status while nothing is."""
        return self._status

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that ends with the request's entry in the audit log."""
        with self._controller.database.write() as session:
            yield session
            audit.add(session, entry_of(self._request, self._status))
        # The door compares it, and writes down what was answered otherwise.
        self._request.scope["state"]["audited_status"] = self._status

    def answer(
        self,
        session: Session,
        value: Answer,
        status: int | None = None,
        location: str = "",
        retry_after: int | None = None,
        kept: tuple[int, dict[str, Any]] | None = None,
    ) -> Answer:
        """`value`, kept in this transaction where the request has a key.

        `status` where it is not the route's own; `kept` what is kept in the place of a value that
        must not be: status and body.
        """
        self._status = status or self._status
        self._response.status_code = self._status
        if location:
            self._response.headers["Location"] = location
        if retry_after is not None:
            self._response.headers["Retry-After"] = str(retry_after)
        if self._answer_id:
            plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
            kept_status, body = kept or (self._status, plain)
            answer = KeptAnswer(
                id=self._answer_id,
                fingerprint=self._fingerprint.hexdigest(),
                status=kept_status,
                location=location,
                body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
            )
            keep_answer(session, answer, KEPT_SECONDS)
            if self._controller.keyed.is_time_to_prune():
                prune_answers(session)
        return value

    def record(self, value: Answer, status: int) -> None:
        """For a change that is made already, of files: entry and answer by themselves."""
        with self.write() as session:
            self.answer(session, value, status)

    async def seen(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The parts of the body, which are part of what is asked, on their way."""
        async for part in parts:
            self._fingerprint.update(part)
            yield part

    async def found(self) -> KeptAnswer | None:
        """What was answered under the key before."""

        def read() -> KeptAnswer | None:
            with self._controller.database.read() as session:
                return find_answer(session, self._answer_id)

        return await run_in_threadpool(read)

    @property
    def wish(self) -> Wish | None:
        """What a job that does it is known by; None without a key."""
        if not self._answer_id:
            return None
        return Wish(id=self._answer_id, fingerprint=self._fingerprint.hexdigest())

    def being_done(self, wish: Wish, job: Job) -> AnsweredBefore:
        """The same job again, for who would rather look later; raises StillAnswering for who would
        wait, and BadInput where something else was asked.
        """
        self._require_same(wish.fingerprint)
        if not is_async(self._request.headers.get("prefer")):
            raise StillAnswering(
                f"a job does what was asked under this Idempotency-Key: look at /v1/jobs/{job.id}"
            )
        response = accepted(job)
        response.headers["Idempotency-Replayed"] = "true"
        return AnsweredBefore(response)

    def _require_same(self, fingerprint: str) -> None:
        if fingerprint != self._fingerprint.hexdigest():
            key = self._request.headers["idempotency-key"]
            message = "was used for another request; take a new key for each"
            raise BadInput("Idempotency-Key", key, message)

    def replayed(self, kept: KeptAnswer) -> AnsweredBefore:
        """The answer again; raises BadInput where something else was asked."""
        self._require_same(kept.fingerprint)
        kind = "application/problem+json" if kept.status >= 400 else "application/json"
        response = Response(kept.body, kept.status, media_type=kind)
        response.headers["Idempotency-Replayed"] = "true"
        if kept.location:
            response.headers["Location"] = kept.location
        return AnsweredBefore(response)


Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="of your own making, one for each wish: the same again is answered as before",
    ),
]


@asynccontextmanager
async def _keyed(
    request: Request, response: Response, controller: Controller, key: str | None, reads_body: bool
) -> AsyncIterator[Change]:
    if key is None:
        yield Change(request, response, controller)
        return
    caller = caller_of(request)
    answer_id = hash_text(canonical_json([caller.token_id or caller.name, key]), 64)
    controller.keyed.begin(answer_id)
    try:
        change = Change(request, response, controller, answer_id)
        # Before the answer is looked for: a job that ends meanwhile has written it down.
        begun = controller.jobs.running_for(answer_id)
        kept = await change.found()
        if reads_body:
            await request.body()  # Starlette keeps it, and gives it to the route again
        if reads_body or kept is not None or begun is not None:
            async for _ in change.seen(request.stream()):
                pass
        if kept is not None:
            raise change.replayed(kept)
        if begun is not None:
            raise change.being_done(*begun)
        yield change
    finally:
        controller.keyed.end(answer_id)


def _change(request: Request, response: Response, controller: ControllerDep) -> Change:
    return Change(request, response, controller)


async def _creation(
    request: Request, response: Response, controller: ControllerDep, idempotency_key: Key = None
) -> AsyncIterator[Change]:
    async with _keyed(request, response, controller, idempotency_key, True) as change:
        yield change


async def _upload(
    request: Request, response: Response, controller: ControllerDep, idempotency_key: Key = None
) -> AsyncIterator[Change]:
    async with _keyed(request, response, controller, idempotency_key, False) as change:
        yield change


# For routes that change what is there; that create; and that create of a body read once, `seen`.
ChangeDep = Annotated[Change, Depends(_change)]
CreationDep = Annotated[Change, Depends(_creation)]
UploadDep = Annotated[Change, Depends(_upload)]
