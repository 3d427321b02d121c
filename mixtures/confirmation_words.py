"""A confirmation in plain sentences: the verdict, who won, what held, and what did not."""

from collections.abc import Sequence

from mixtures.confirmation import Interval
from mixtures.confirmation_found import (
    ConfirmationAnswer,
    Difference,
    MixtureFound,
    WinnersCurse,
)
from mixtures.paired_test import CONFIDENCE

_HELD_WORDS = {
    "inside": "lies inside it",
    "overlaps": "lies outside, though its own interval reaches into it",
    "outside": "lies outside it",
}
# Of those without a score so many are named in a note; the list has all.
_MOST_NAMED = 5


def sentences_of(found: ConfirmationAnswer) -> list[str]:
    """The verdict, the winner, whether the promised intervals held, the winner's curse."""
    own = found.mixtures[0]
    said = [_verdict(found)]
    if found.winner is not None:
        said.append(_winner(found))
    if found.is_complete and own.held is not None:
        said.append(_level(own))
    if found.is_complete and (counts := _counts(found)):
        said.append(counts)
    if found.is_complete and found.winners_curse is not None:
        said.append(_curse(found.winners_curse))
    return said


def notes_of(found: ConfirmationAnswer) -> list[str]:
    """What has to be known to read the numbers."""
    tested = [one for one in found.differences if one.p_holm is not None]
    notes = []
    if tested:
        least = min(2 / 2**one.num_pairs for one in tested)
        num = _count(len(tested), "difference")
        notes.append(
            f"A difference is told where its p is at most {1 - CONFIDENCE:.2g} after Holm's "
            f"adjustment over {num} from {_called(found.mixtures[0].names[0])}; "
            f"intervals are 95 % each. Flips of signs are exact and not adjusted: theirs cannot be "
            f"less than {least:.2g}."
        )
    if any(one.held is not None for one in found.mixtures):
        notes.append(
            "Levels move with the seeds, which are others here than those of the study; "
            "differences between mixtures do not."
        )
    lost = [one for one in found.missing if not one.is_to_come]
    if lost:
        named = ", ".join(
            f"{one.mixture} with seed {one.seed} ({_why(one.state and one.state.value)})"
            for one in lost[:_MOST_NAMED]
        )
        more = f" and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
        notes.append(f"Without a score: {named}{more}. Pairs that lack one are left out.")
    if found.others:
        notes.append(
            f"The study was confirmed {_count(len(found.others), 'more time')}: of several answers "
            "the best is there partly by luck."
        )
    if not found.asked.enough_evidence and found.asked.study:
        notes.append("The study had not enough evidence when this was asked.")
    return notes


def _verdict(found: ConfirmationAnswer) -> str:
    seeds = _count(len(found.seeds), "fresh seed")
    own = _called(found.mixtures[0].names[0])
    if not found.is_complete:
        left = sum(one.is_to_come for one in found.missing)
        return (
            f"No verdict yet: {left} of {_count(found.num_trials, 'trial')} on {seeds} "
            f"{'is' if left == 1 else 'are'} still to come."
        )
    better = [one for one in found.differences if one.told == "better"]
    worse = [one for one in found.differences if one.told == "worse"]
    open_ = [one for one in found.differences if one.told == "not told apart"]
    gone = [one for one in open_ if one.is_promised_lead and one.held == "outside"]
    sign = found.loss_sign
    parts = []
    if worse:
        parts.append(f"{own} is worse than {_listed(worse, -sign, 'by')}")
    if better:
        parts.append(f"{own} is better than {_listed(better, sign, 'by')}")
    if gone:
        parts.append(f"the promised lead over {_listed(gone, sign, 'now')} is not there")
    left_open = [one for one in open_ if one not in gone]
    if left_open:
        parts.append(f"it cannot be told from {_listed(left_open, sign, 'a lead of')}")
    if not parts:
        parts.append("there is nothing to compare")
    return f"{found.verdict.capitalize()} on {seeds}: {'; '.join(parts)}."


def _winner(found: ConfirmationAnswer) -> str:
    winner = found.winner
    assert winner is not None
    sign = found.loss_sign
    lead = _better_by(winner.lead, winner.interval, sign)
    told = (
        "no other can be told from it"
        if len(winner.tied) == len(found.mixtures) - 1
        else (
            f"{_and([_called(name) for name in winner.tied])} cannot be told from it"
            if winner.tied
            else "every other can be told from it"
        )
    )
    return (
        f"The best of the {len(found.mixtures)} on {_count(len(winner.seeds), 'seed')} is "
        f"{_called(winner.mixture)}, before {_called(winner.second)} by {lead}; {told}."
    )


def _level(own: MixtureFound) -> str:
    assert own.held is not None and own.promise.interval is not None and own.mean is not None
    return (
        f"{_called(own.names[0]).capitalize()} was promised {_number(own.promise.mean)} "
        f"({_span(own.promise.interval)}) and gave {_number(own.mean)}"
        f"{f' ({_span(own.interval)})' if own.interval else ''}, which {_HELD_WORDS[own.held]}."
    )


def _counts(found: ConfirmationAnswer) -> str:
    levels = [one.held for one in found.mixtures if one.held is not None]
    differences = [one.held for one in found.differences if one.held is not None]
    parts = [
        f"{held.count('inside')} of {_count(len(held), 'promised interval')} of {what}"
        for held, what in ((differences, "differences"), (levels, "levels"))
        if held
    ]
    return f"What fresh seeds gave lies inside {' and '.join(parts)}." if parts else ""


def _curse(curse: WinnersCurse) -> str:
    trials = _count(curse.num_trials, "trial")
    text = (
        f"The raw top{'' if curse.mixture == 'raw_top' else f' ({curse.mixture})'} had "
        f"{_number(curse.promised)} of {trials} and gave {_number(curse.confirmed)}: "
        f"{_worse(curse.shortfall)}"
    )
    if curse.seed_shift is None or curse.net is None:
        return f"{text}; how much of that the other seeds do, no baseline tells."
    return (
        f"{text}. The baselines, which nobody chose by their scores, came out "
        f"{_worse(curse.seed_shift)} on these seeds too; the winner's curse is what is left: "
        f"{curse.net:.4f}."
    )


def _worse(shortfall: float) -> str:
    return f"{abs(shortfall):.4f} {'worse' if shortfall > 0 else 'better'}"


def _listed(differences: Sequence[Difference], sign: float, word: str) -> str:
    return _and(
        [
            _called(one.other)
            + (
                ""
                if one.difference is None
                else f" ({word} {_better_by(one.difference, one.interval, sign)})"
            )
            for one in differences
        ]
    )


def _better_by(difference: float, interval: Interval | None, sign: float) -> str:
    """As a lead: above 0 where the first is better, whichever way the metric goes."""
    lead = -sign * difference
    if interval is None:
        return _number(lead)
    low, high = sorted(-sign * end for end in interval)
    return f"{_number(lead)}, 95 % {_span((low, high))}"


def _called(name: str) -> str:
    return {"recommended": "the recommended mixture", "raw_top": "the raw top"}.get(name, name)


def _why(state: str | None) -> str:
    return "no trial" if state is None else "no score" if state == "COMPLETE" else state


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.4f}"


def _span(interval: Interval) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
