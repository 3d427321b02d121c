"""Events for those who watch: what the scheduler publishes, every listener receives."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

# A listener that reads nothing for this many events is dropped, so that memory stays bounded.
_MOST_WAITING = 1000


@dataclass
class Events:
    """A broadcast on one event loop. `publish` never waits for a listener."""

    _listeners: dict[int, tuple[str | None, asyncio.Queue[dict[str, str] | None]]] = field(
        default_factory=dict
    )
    _next_listener: int = 0
    _next_id: int = 1

    def publish(self, study_id: str, event: str, data: dict[str, Any]) -> None:
        """Send `data` as `event` (`trial`, `progress` or `study`) to the study's listeners."""
        message = {"id": str(self._next_id), "event": event, "data": json.dumps(data)}
        self._next_id += 1
        for listener, (wanted, queue) in list(self._listeners.items()):
            if wanted not in (study_id, None):
                continue
            if queue.qsize() >= _MOST_WAITING:
                del self._listeners[listener]
                queue.put_nowait(None)
            else:
                queue.put_nowait(message)

    def listen(self, study_id: str | None) -> AsyncIterator[dict[str, str]]:
        """Events of one study, or with None of all, from this call on, until the listener leaves or
        falls behind.

        From the call, not from the first read: whoever looks at the study's status after it misses
        nothing in between. One that is never read is dropped like one that falls behind.
        """
        listener, self._next_listener = self._next_listener, self._next_listener + 1
        queue: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()
        self._listeners[listener] = (study_id, queue)
        return self._messages(listener, queue)

    async def _messages(
        self, listener: int, queue: asyncio.Queue[dict[str, str] | None]
    ) -> AsyncIterator[dict[str, str]]:
        try:
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._listeners.pop(listener, None)

    def close(self) -> None:
        """End every listener's stream."""
        for _, queue in self._listeners.values():
            queue.put_nowait(None)
