"""How one request is sent and answered: by waiting for it, or by awaiting it.

Calls are written once, as coroutines over an `Exchange`. The blocking one never suspends, so that
`finished` can run such a coroutine to its end without an event loop.

What failed is sent again (tenacity, exponential with full jitter) where that can do no harm: a
request that changes nothing, one that is idempotent, or one under an Idempotency-Key.
"""

import time
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, TypeVar

import httpx
import tenacity

from decaymix.problems import ApiProblem, BadAddress, ControllerUnreachable, problem_of

SECONDS = 60.0
# Busy, or a proxy whose controller restarts. 409 is one where it says when to ask again.
_PASSING = frozenset({409, 429, 502, 503, 504})
_JITTER = tenacity.wait_random_exponential(multiplier=0.2, max=5.0)

T = TypeVar("T")


class Exchange(Protocol):
    """`has_answered`: somebody was there, so that a refused connection is a restart."""

    url: str
    has_answered: bool

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response: ...

    async def sleep(self, seconds: float) -> None: ...

    async def close(self) -> None: ...


class AwaitedExchange:
    """On the running event loop."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url, self.has_answered = url, False
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=SECONDS)

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return await self._http.request(method, path, **arguments)

    async def sleep(self, seconds: float) -> None:
        # Imported here: whoever waits needs none of it.
        import anyio

        await anyio.sleep(seconds)

    async def close(self) -> None:
        await self._http.aclose()


class WaitingExchange:
    """In the calling thread; nothing of it suspends."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url, self.has_answered = url, False
        self._http = httpx.Client(base_url=url, headers=headers, timeout=SECONDS)

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self._http.request(method, path, **arguments)

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def close(self) -> None:
        self._http.close()


def finished(waiting: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
    """What a coroutine over a WaitingExchange returns."""
    step = waiting.__await__()
    try:
        next(step)
    except StopIteration as end:
        value: T = end.value
        return value
    raise RuntimeError("a call suspended; a WaitingExchange has none that does")


def address(url: str) -> str:
    """`url` without a slash at its end; raises BadAddress."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise BadAddress(f"{error}; expected http://host:port") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadAddress("expected http://host:port")
    return url.rstrip("/")


async def answered(
    exchange: Exchange,
    method: str,
    path: str,
    repeat_seconds: float,
    **arguments: Any,
) -> httpx.Response:
    """The answer, which is no error; sent again for so many seconds, 0: never.

    Raises ApiProblem, ControllerUnreachable.
    """
    trying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(lambda error: _may_pass(error, exchange)),
        wait=_wait,
        stop=tenacity.stop_before_delay(repeat_seconds)
        if repeat_seconds > 0
        else tenacity.stop_after_attempt(1),
        sleep=exchange.sleep,
        reraise=True,
    )
    response: httpx.Response = await trying(_once, exchange, method, path, **arguments)
    return response


async def _once(exchange: Exchange, method: str, path: str, **arguments: Any) -> httpx.Response:
    try:
        response = await exchange.request(method, path, **arguments)
    except httpx.ReadTimeout as error:
        raise ControllerUnreachable(
            f"the controller at {exchange.url} has not answered in time; it may be busy: ask again"
        ) from error
    except httpx.TransportError as error:
        raise ControllerUnreachable(
            f"no controller answers at {exchange.url} ({error}); start one with ./run serve, or "
            "set DECAYMIX_URL"
        ) from error
    exchange.has_answered = True
    if response.is_error:
        raise problem_of(response)
    return response


def _may_pass(error: BaseException, exchange: Exchange) -> bool:
    if isinstance(error, ControllerUnreachable):
        # Where nobody was ever there, the address is wrong, or it has not been started.
        return exchange.has_answered or not isinstance(error.__cause__, httpx.ConnectError)
    if not isinstance(error, ApiProblem) or error.status not in _PASSING:
        return False
    return error.status != 409 or error.retry_after is not None


def _wait(state: tenacity.RetryCallState) -> float:
    """As long as the controller says, and some more, so that not all come back at once."""
    error = state.outcome.exception() if state.outcome else None
    told = error.retry_after if isinstance(error, ApiProblem) else None
    return (told or 0.0) + _JITTER(state)
