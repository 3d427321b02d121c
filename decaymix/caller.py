"""How a call reaches the controller, and what is made of its answer.

A call that creates something carries an Idempotency-Key of its own, so that sending it again does
no harm.
"""

import uuid
from typing import Any
from urllib.parse import quote

import httpx

from decaymix.exchange import Exchange, answered
from decaymix.problems import ControllerUnreachable

# Submitting a study, or a file, has all of its data read before the answer comes.
READ_SECONDS = 600.0


class Caller:
    """What all calls go through."""

    def __init__(self, exchange: Exchange, retry_seconds: float) -> None:
        self._exchange, self._retry_seconds = exchange, retry_seconds

    @property
    def url(self) -> str:
        """The controller's address."""
        return self._exchange.url

    async def close(self) -> None:
        """Let go of the connections."""
        await self._exchange.close()

    async def is_ready(self) -> bool:
        """True once the controller answers and is ready for work."""
        try:
            return (await self._exchange.request("GET", "/readyz")).is_success
        except httpx.TransportError:
            return False

    async def is_alive(self) -> bool:
        """True once anything answers at the address."""
        try:
            await self._exchange.request("GET", "/healthz")
        except httpx.TransportError:
            return False
        return True

    async def _answer(self, study: str, name: str, **given: Any) -> dict[str, Any]:
        path = f"/v1/studies/{part(study)}/{name}"
        return object_of(await self._call("GET", path, params=given))

    async def _created(self, path: str, **arguments: Any) -> dict[str, Any]:
        headers = {**arguments.pop("headers", {}), "Idempotency-Key": uuid.uuid4().hex}
        return object_of(await self._call("POST", path, headers=headers, **arguments))

    async def _changed(self, path: str, change: dict[str, Any]) -> dict[str, Any]:
        """`If-Match: *`: whatever is there."""
        headers = {"If-Match": change.pop("if_match", "*")}
        return object_of(await self._call("PATCH", path, json=change, headers=headers))

    async def _call(
        self, method: str, path: str, repeats: bool = True, **arguments: Any
    ) -> httpx.Response:
        seconds = self._retry_seconds if repeats else 0.0
        return await answered(self._exchange, method, path, seconds, **arguments)


def object_of(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = _json(response, dict)
    return found


def objects_of(response: httpx.Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _json(response, list)
    return found


def _json(response: httpx.Response, kind: type) -> Any:
    """Another server at the address may answer 200 as well, with a page of its own."""
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise ControllerUnreachable(
            f"what answers at {response.url.copy_with(path='/')} is no Decaymix controller"
        )
    return found


def part(name: str) -> str:
    """A name as one part of a path, whatever characters it has."""
    return quote(name, safe="") or "-"
