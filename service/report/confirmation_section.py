"""What fresh seeds made of a study's answer, as a section of its report."""

from collections.abc import Sequence

from mixtures.confirmation import Interval
from mixtures.confirmation_found import ConfirmationAnswer, Difference, MixtureFound
from service.pages.numbers import percent, score, words
from service.report.markdown_tables import difference, table


def confirmation_section(found: ConfirmationAnswer | None) -> Sequence[str]:
    """Paragraphs and two tables; none where nobody has asked for a confirmation."""
    if found is None:
        return []
    own = found.mixtures[0].names[0]
    better = "less" if found.direction == "minimise" else "more"
    first, last = found.seeds[0], found.seeds[-1]
    return [
        "## On seeds that nobody had seen",
        f"**{found.sentence}**",
        f"Study `{found.id}`, seeds {first} to {last}. What was promised was written down before "
        f"its first trial; {words(found.metric)}, {better} is better, intervals are 95 %.",
        table(
            ["mixture", "SFT share", "own score before", "promised", "found", "seeds", "promise"],
            [_mixture(one) for one in found.mixtures],
        ),
        f"{words(own).capitalize()} less the other, by seed:",
        table(
            ["other", "promised", "found", "pairs", "p", "p (Holm)", "p (flips)", "told"],
            [_difference(one) for one in found.differences],
        ),
        "\n".join(f"- {note}" for note in found.notes),
    ]


def _mixture(one: MixtureFound) -> list[str]:
    promise = one.promise
    raw = "" if promise.raw_mean is None else f"{score(promise.raw_mean)} of {promise.num_trials}"
    return [
        ", ".join(words(name) for name in one.names),
        percent(one.sft_share),
        raw,
        _level(promise.mean, promise.interval),
        _level(one.mean, one.interval),
        str(one.num_seeds),
        one.held or "",
    ]


def _difference(one: Difference) -> list[str]:
    promised = one.promised
    return [
        words(one.other),
        "" if promised is None else _signed(promised.difference, promised.interval),
        _signed(one.difference, one.interval),
        str(one.num_pairs),
        *("" if p is None else f"{p:.2g}" for p in (one.p_t, one.p_holm, one.p_sign_flip)),
        one.told if one.num_pairs else "",
    ]


def _level(value: float | None, interval: Interval | None) -> str:
    if value is None or interval is None:
        return "" if value is None else score(value)
    return f"{score(value)} ({score(interval[0])} to {score(interval[1])})"


def _signed(value: float | None, interval: Interval | None) -> str:
    return "" if value is None else difference(value, interval)
