"""Token buckets, one a key: how much each address or caller may do in a time.

Thirty lines instead of a library: `limits` and what stands on it are for many processes that share
a store, and the controller is one process.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

# Whoever was not seen for longest is forgotten: memory stays bounded whatever addresses come.
_MOST_KEYS = 10_000


class Buckets:
    """Each key has `capacity` units, which come back at `per_second`."""

    def __init__(
        self, capacity: float, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity, self._rate, self._clock = capacity, per_second, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Take a unit and return 0, or return the seconds until there is one."""
        return self._look(key, takes=True)

    def wait(self, key: str) -> float:
        """The seconds until there is a unit; takes none."""
        return self._look(key, takes=False)

    def _look(self, key: str, takes: bool) -> float:
        with self._lock:
            now = self._clock()
            level, seen = self._levels.pop(key, (self._capacity, now))
            level = min(self._capacity, level + (now - seen) * self._rate)
            seconds = 0.0 if level >= 1.0 else (1.0 - level) / self._rate
            if takes and not seconds:
                level -= 1.0
            self._levels[key] = (level, now)
            while len(self._levels) > _MOST_KEYS:
                self._levels.popitem(last=False)
            return seconds
