"""Notices when somebody sets the machine's clock: leases and durations are times of day in the
database, and would end at once, or never.
"""

import time
from collections.abc import Callable

# Less than this is a busy machine, or a clock that is drawn right slowly.
LEAST_SECONDS = 5.0


class Clock:
    """Compares the time of day with a clock that only counts."""

    def __init__(
        self,
        time_of_day: Callable[[], float] = time.time,
        counted: Callable[[], float] = time.monotonic,
    ) -> None:
        self._time_of_day, self._counted = time_of_day, counted
        self._apart = time_of_day() - counted()

    def jumped_seconds(self) -> float:
        """By how much the time of day was set forward (or back, if negative) since the last call;
        0.0 if it was not.
        """
        apart = self._time_of_day() - self._counted()
        jump = apart - self._apart
        self._apart = apart
        return jump if abs(jump) >= LEAST_SECONDS else 0.0
