"""Ways in which a request ends before its route is asked: it was answered before, or is being."""

import threading
import time

from starlette.responses import Response

_PRUNE_SECONDS = 3600.0


class AnsweredBefore(Exception):
    """The same request under the same Idempotency-Key; `response` is what was answered then."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


class StillAnswering(RuntimeError):
    """The same Idempotency-Key is at work in another request."""


class KeyedRequests:
    """Which keys are being answered right now. One process answers all, so memory is enough."""

    def __init__(self) -> None:
        self._at_work: set[str] = set()
        self._lock = threading.Lock()
        self._pruned_at = time.monotonic()

    def begin(self, answer_id: str) -> None:
        """Raises StillAnswering."""
        with self._lock:
            if answer_id in self._at_work:
                raise StillAnswering(
                    "a request with this Idempotency-Key is being answered; ask again for its "
                    "answer, or use another key"
                )
            self._at_work.add(answer_id)

    def end(self, answer_id: str) -> None:
        with self._lock:
            self._at_work.discard(answer_id)

    def is_time_to_prune(self) -> bool:
        """True once an hour."""
        if time.monotonic() - self._pruned_at < _PRUNE_SECONDS:
            return False
        self._pruned_at = time.monotonic()
        return True
