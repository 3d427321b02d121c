"""Events for those who watch: what the scheduler publishes, every listener receives.

An event is written once, as the bytes that go over the wire, however many listen; a listener takes
all that waits for it at once. The last ones are kept, for those whose connection broke: they say
which event they heard last (`Last-Event-ID`).
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from sse_starlette import ServerSentEvent

# Events that are kept for those who come back: minutes of a busy service, a few megabytes.
_MOST_KEPT = 5000
# A listener that reads nothing for this many events is dropped, so that memory stays bounded; one
# that has missed all that is kept has room for as much again.
_MOST_WAITING = 2 * _MOST_KEPT


@dataclass(frozen=True, slots=True)
class Event:
    """`chunk` is all of it as it is sent."""

    id: int
    study_id: str
    name: str
    data: str
    chunk: bytes


@dataclass(slots=True)
class _Listener:
    study_id: str | None
    waiting: list[Event]
    has_news: asyncio.Event
    is_ended: bool = False


@dataclass
class Events:
    """A broadcast on one event loop. `publish` never waits for a listener."""

    _listeners: dict[int, _Listener] = field(default_factory=dict)
    _next_listener: int = 0
    # Above those of an earlier controller, which told fewer than a thousand a second.
    _next_id: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    _kept: deque[Event] = field(default_factory=lambda: deque(maxlen=_MOST_KEPT))

    def publish(self, study_id: str, event: str, data: dict[str, Any]) -> None:
        """Send `data` as `event` (`trial`, `progress` or `study`) to the study's listeners."""
        told = _event(self._next_id, study_id, event, json.dumps(data))
        self._next_id += 1
        self._kept.append(told)
        for number, listener in list(self._listeners.items()):
            if listener.study_id not in (study_id, None):
                continue
            if len(listener.waiting) >= _MOST_WAITING:
                del self._listeners[number]
                listener.is_ended = True
            else:
                listener.waiting.append(told)
            listener.has_news.set()

    def listen(
        self, study_id: str | None, last_heard: int | None = None
    ) -> AsyncIterator[list[Event]]:
        """Events of one study, or with None of all, from this call on, until the listener leaves or
        falls behind: each time all that has come since.

        From the call, not from the first read: whoever looks at the study's status after it misses
        nothing in between. One that is never read is dropped like one that falls behind. With
        `last_heard` those after it come first, or `gap` where they are not kept any more.
        """
        number, self._next_listener = self._next_listener, self._next_listener + 1
        missed = [] if last_heard is None else self._since(study_id, last_heard)
        listener = _Listener(study_id, missed, asyncio.Event())
        if missed:
            listener.has_news.set()
        self._listeners[number] = listener
        return self._batches(number, listener)

    def close(self) -> None:
        """End every listener's stream."""
        for listener in self._listeners.values():
            listener.is_ended = True
            listener.has_news.set()

    def _since(self, study_id: str | None, last_heard: int) -> list[Event]:
        oldest = self._kept[0].id if self._kept else self._next_id
        if not oldest - 1 <= last_heard < self._next_id:
            # It keeps the id that the client came with, so that it is asked for again.
            return [_event(last_heard, study_id or "", "gap", "{}")]
        return [
            event
            for event in self._kept
            if event.id > last_heard and study_id in (event.study_id, None)
        ]

    async def _batches(self, number: int, listener: _Listener) -> AsyncIterator[list[Event]]:
        try:
            while True:
                await listener.has_news.wait()
                listener.has_news.clear()
                news, listener.waiting = listener.waiting, []
                if news:
                    yield news
                if listener.is_ended and not listener.waiting:
                    return
        finally:
            self._listeners.pop(number, None)


def _event(number: int, study_id: str, name: str, data: str) -> Event:
    chunk = ServerSentEvent(data, event=name, id=str(number)).encode()
    return Event(number, study_id, name, data, chunk)
