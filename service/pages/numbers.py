"""How numbers are written for people; each function is a filter of the templates."""

import math
from datetime import UTC, datetime

from mixtures.factors import words_of

# Keeps a number and its unit on one line, and a minus that is as wide as a plus.
_NBSP, _MINUS = "\u00a0", "\u2212"


def percent(share: float) -> str:
    """`61 %`, `64.5 %`: a share in [0, 1] with at most one decimal."""
    return f"{100 * share:.1f}".removesuffix(".0") + f"{_NBSP}%"


def percent_range(interval: tuple[float, float]) -> str:
    """`55 to 70 %`, or one share where both ends are the same."""
    low, high = (percent(end) for end in interval)
    return low if low == high else f"{low.removesuffix(f'{_NBSP}%')} to {high}"


def probability(value: float) -> str:
    """Whole per cents; the ends are never called certain, as thousands of draws are not proof."""
    if value >= 0.995:
        return f"over{_NBSP}99{_NBSP}%"
    if value < 0.005:
        return f"under{_NBSP}1{_NBSP}%"
    return f"{100 * value:.0f}{_NBSP}%"


def times(epochs: float) -> str:
    """How often something is read: `2.4 times`, `0.03 times`."""
    return f"{epochs:.1f}{_NBSP}times" if epochs >= 1 else f"{epochs:.2g}{_NBSP}times"


def score(value: float) -> str:
    """Four decimals: the noise of a score lies in the third."""
    return f"{value:.4f}".replace("-", _MINUS)


def signed(value: float) -> str:
    """A difference of scores; one that rounds to nothing has no sign."""
    text = f"{value:+.4f}"
    return "0.0000" if float(text) == 0 else text.replace("-", _MINUS)


def count(value: float) -> str:
    """`1,500,000`."""
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 20 min`: as exact as an estimate can be."""
    if seconds < 90:
        return f"{seconds:.0f}{_NBSP}s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes}{_NBSP}min"
    hours, rest = divmod(minutes, 60)
    return f"{hours}{_NBSP}h" + (f" {rest}{_NBSP}min" if rest else "")


def moment(value: datetime | str) -> str:
    """`24 November 2026, 04:15 UTC`; ISO 8601 is read, as files have it."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return f"{value.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def how_long(since: datetime) -> str:
    """`12 min`: up to now. A clock that was set back since gives `0 s`."""
    return duration(max(0.0, (datetime.now(UTC) - since).total_seconds()))


def words(name: str) -> str:
    """A name of ours as words: `bits_per_byte` is `bits per byte`."""
    return name.replace("_", " ")


def unbroken(sentence: str) -> str:
    """A sentence in which no per cent sign stands at the start of a line."""
    return sentence.replace(" %", f"{_NBSP}%")


def as_sentence(message: str) -> str:
    """An error's message with a capital and a full stop."""
    return message[:1].upper() + message[1:].rstrip(".") + "."


def gigabytes(num_bytes: int) -> str:
    """`3.4 GB`, `12 MB`: bytes as decimal units."""
    if num_bytes >= 1e9:
        return f"{num_bytes / 1e9:.1f}{_NBSP}GB"
    return (
        f"{num_bytes / 1e6:.0f}{_NBSP}MB" if num_bytes >= 1e6 else f"{num_bytes / 1e3:.0f}{_NBSP}kB"
    )


def cell(value: str | float | int | None) -> str:
    """A cell of a figure's table: what is not there is a dash, a number keeps four decimals."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "\u2013"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return count(value)
    text = f"{value:,.4f}" if 0.001 <= abs(value) < 1e6 or value == 0 else f"{value:.4g}"
    return text.replace("-", _MINUS)


FILTERS = (
    cell,
    words_of,
    gigabytes,
    percent,
    percent_range,
    probability,
    score,
    times,
    signed,
    count,
    duration,
    moment,
    how_long,
    words,
    unbroken,
    as_sentence,
)
