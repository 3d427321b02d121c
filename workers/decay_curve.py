"""A decay's learning curve in few points, and beside it how fast it went.

The two are kept apart: what was learned is the same at every run of a trial, how fast is not.
"""

import itertools
import time

from mixtures.trial import CurvePoint, RatePoint

# Enough for a plot as wide as a screen; a decay of pico's 150,000 tokens has 73 steps.
MOST_POINTS = 500
MOST_RATES = 100


def thinned(curve: tuple[CurvePoint, ...], most: int = MOST_POINTS) -> tuple[CurvePoint, ...]:
    """At most `most` points: the first and the last step as they are, between them runs of steps.

    A run is told by its last step, with the mean of its losses. Few steps come back unchanged.
    """
    if len(curve) <= most:
        return curve
    inner = curve[1:-1]
    size = -(-len(inner) // (most - 2))
    runs = [inner[start : start + size] for start in range(0, len(inner), size)]
    means = [
        run[-1].model_copy(update={"loss": sum(point.loss for point in run) / len(run)})
        for run in runs
    ]
    return (curve[0], *means, curve[-1])


class Pace:
    """Notes when how many tokens were read; memory stays bounded however long the decay is."""

    def __init__(self, most: int = MOST_RATES) -> None:
        self._most, self._stride, self._steps = most, 1, 0
        self._noted: list[tuple[int, float]] = []
        self._last: tuple[int, float] | None = None

    def note(self, tokens: int, now: float | None = None) -> None:
        """`tokens` have been read by `now` (monotonic seconds)."""
        self._last = (tokens, time.monotonic() if now is None else now)
        if self._steps % self._stride == 0:
            self._noted.append(self._last)
        self._steps += 1
        if len(self._noted) > self._most:
            self._noted, self._stride = self._noted[::2], 2 * self._stride

    def rates(self) -> tuple[RatePoint, ...]:
        """Tokens per second between each two notes, at most `most`."""
        noted = list(self._noted)
        if self._last is not None and (not noted or noted[-1] != self._last):
            noted.append(self._last)
        return tuple(
            RatePoint(tokens=b, tokens_per_second=(b - a) / max(end - start, 1e-6))
            for (a, start), (b, end) in itertools.pairwise(noted)
        )
