"""A verdict on a claim, and the rules that give it from an interval alone.

Supported and not supported are both statements: where the trials cannot tell, the verdict is
undecided, and more trials may decide it. So that nothing is shown by a study being small, a claim
of no difference (`not_worse`, `equal`) needs an interval that is narrow against a margin: an
equivalence test (Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15(6), 657-680).
Differences here are losses, first minus second: below 0 the first is better.
"""

from typing import Literal

from mixtures.claims import Claim
from mixtures.value import Value

Word = Literal["supported", "not supported", "undecided"]
Interval = tuple[float, float]


class Verdict(Value):
    """`estimate` and its 95 % `interval` are what the verdict rests on: an SFT share, a difference
    in the objective's own unit and direction (first minus second), or a rank correlation; None
    where there is nothing to go by. `sentence` says both in words.
    """

    claim: Claim
    verdict: Word
    estimate: float | None
    interval: Interval | None
    sentence: str


def inside(interval: Interval, low: float, high: float) -> Word:
    """Whether what the interval is of lies from `low` to `high`."""
    if low <= interval[0] and interval[1] <= high:
        return "supported"
    return "not supported" if interval[1] < low or high < interval[0] else "undecided"


def holds(interval: Interval, value: float, margin: float) -> Word:
    """Whether it is `value`, as far as an interval of at most twice the margin can say."""
    if not interval[0] <= value <= interval[1]:
        return "not supported"
    return "supported" if _is_narrow(interval, margin) else "undecided"


def better(loss: Interval, margin: float) -> Word:
    """Supported where the whole interval is below 0; not where it leaves no room for a difference
    that is larger than the margin.
    """
    if loss[1] < 0:
        return "supported"
    return "not supported" if loss[0] > -margin else "undecided"


def not_worse(loss: Interval, margin: float) -> Word:
    """Not supported where the whole interval is above 0, however little; supported where it also
    ends below the margin.
    """
    if loss[0] > 0:
        return "not supported"
    return "supported" if loss[1] < margin else "undecided"


def equal(loss: Interval, margin: float) -> Word:
    """Supported where it holds 0 and is narrower than twice the margin."""
    if loss[0] > 0 or loss[1] < 0:
        return "not supported"
    return "supported" if loss[1] - loss[0] < 2 * margin else "undecided"


def different(loss: Interval, margin: float) -> Word:
    """The other way round."""
    opposite: dict[Word, Word] = {"supported": "not supported", "not supported": "supported"}
    found = equal(loss, margin)
    return opposite.get(found, found)


def apart(intervals: list[Interval], margin: float) -> Word:
    """Supported where two do not meet; not where all do and none is wider than twice the margin."""
    if max(low for low, _ in intervals) > min(high for _, high in intervals):
        return "supported"
    is_narrow = all(_is_narrow(one, margin) for one in intervals)
    return "not supported" if is_narrow else "undecided"


def at_least(intervals: list[Interval], bound: float) -> Word:
    """Supported where all lie at the bound or above; not where one lies below."""
    if all(low >= bound for low, _ in intervals):
        return "supported"
    return "not supported" if any(high < bound for _, high in intervals) else "undecided"


def percent(share: float) -> str:
    """`64 %`, `43.5 %`."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def _is_narrow(interval: Interval, margin: float) -> bool:
    """Shares lie on a grid, so that a width is often exactly the margin, but for rounding."""
    return interval[1] - interval[0] <= 2 * margin + 1e-9
