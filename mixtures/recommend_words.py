"""The recommendation in plain sentences: what to do first, then what is not known."""

from collections.abc import Mapping, Sequence

from mixtures.choice_rule import WORDS, ChoiceRule
from mixtures.named_subset import subset_notes
from mixtures.recommendation import BenchmarkOptimum, Evidence, Interval

# Below this a bend between two tried shares is the prior's, not the data's.
FEW_MIXTURES = 6
# A 95 % interval that covers fewer of the trials left out says that the fit is not to be trusted.
LOW_COVERAGE = 0.8
# A share below this is not spelled out in a sentence.
LEAST_SAID = 0.005
# More sources than MOST_LISTED are a table's: the sentence names the LEADING, and counts the rest.
MOST_LISTED = 4
LEADING = 3


def sentence_of(
    share: float,
    pieces: Sequence[Interval],
    evidence: Evidence,
    enough_evidence: bool,
    rule: ChoiceRule = "lowest_mean",
) -> str:
    basis = _basis(evidence)
    where = " and ".join(_span(*piece) for piece in pieces)
    if not enough_evidence:
        return (
            f"Not enough evidence to prefer a share: no share tried can be told from "
            f"{_percent(share)} % SFT {basis}."
        )
    if len(pieces) == 1 and pieces[0] == (share, share):
        return f"Decay on {_percent(share)} % SFT; every other share tried is worse {basis}."
    if rule != "lowest_mean":
        return f"Decay on {_percent(share)} % SFT, {WORDS[rule]}: {where} {basis}."
    return f"Decay on {_percent(share)} % SFT; {where} cannot be told from it {basis}."


def mixture_sentence(
    shares: Mapping[str, float],
    sft_share: float,
    rule: ChoiceRule,
    best_share: Interval,
    num_tied: int,
    evidence: Evidence,
    enough_evidence: bool,
) -> str:
    """Of a mixture of many sources: its SFT share, where the best share lies, its largest sources.

    The sources that it holds of eleven are a paragraph; they stand in the table under it.
    """
    basis = _basis(evidence)
    if not enough_evidence:
        return f"Not enough evidence to prefer a mixture: {evidence.shortfalls[0]} {basis}."
    tied = (
        "no mixture tried can be told from it"
        if num_tied == evidence.num_mixtures
        else f"{num_tied} of {evidence.num_mixtures} mixtures tried cannot be told from the best"
    )
    if rule != "lowest_mean":
        tied = f"{WORDS[rule]}; {tied}"
    where = f"{_percent(sft_share)} % SFT" + (
        f" ({_span(*best_share)})" if best_share[0] < best_share[1] else ""
    )
    return f"Decay on {where}: {_largest(shares)}; {tied} {basis}."


def _largest(shares: Mapping[str, float]) -> str:
    """`math 30 %, web 20 %, chat 12.5 % and 4 more`; of equal ones the first of the study."""
    held = [(name, share) for name, share in shares.items() if share >= LEAST_SAID]
    held.sort(key=lambda pair: -pair[1])
    said = [f"{name} {_percent(share)} %" for name, share in held]
    if len(said) <= MOST_LISTED:
        return ", ".join(said)
    return f"{', '.join(said[:LEADING])} and {len(said) - LEADING} more"


def mixture_notes(evidence: Evidence, more: int | None, subset: str | None) -> list[str]:
    """What is not known of a mixture of many sources."""
    notes = [f"Not enough evidence: {one}." for one in evidence.shortfalls]
    if evidence.shortfalls:
        notes.append(more_words(more))
    notes += subset_notes(subset)
    if evidence.num_seeds == 1:
        notes.append("One seed only: the noise is known from the fit alone.")
    if evidence.out_of_fold_coverage < LOW_COVERAGE:
        notes.append(_low_coverage(evidence))
    return notes


def more_words(more: int | None) -> str:
    """How many more trials an answer may take."""
    if more is None:
        return "How many more trials it would take cannot be said from these."
    return f"About {_count(more, 'more trial')} may be enough, if what is seen so far is true."


def more_needed(number: int, noun: str) -> str:
    """How many are missing for any fit: `1 more share is needed`."""
    return f"{_count(number, f'more {noun}')} {'is' if number == 1 else 'are'} needed"


def notes_of(
    share: float,
    tried: Sequence[float],
    optima: Sequence[BenchmarkOptimum],
    evidence: Evidence,
    enough_evidence: bool,
) -> list[str]:
    notes = []
    if not enough_evidence:
        notes.append(
            "The curve is flat within the noise: more seeds, or more decay tokens per trial, may "
            "tell shares apart. Until then choose by cost."
        )
    elif share in (tried[0], tried[-1]):
        side = "lowest" if share == tried[0] else "highest"
        notes.append(
            f"The best share lies at the edge, the {side} that was tried ({_percent(share)} %): "
            "there is no interior optimum in this data."
        )
    if evidence.num_mixtures < FEW_MIXTURES:
        notes.append(
            f"Only {evidence.num_mixtures} shares were tried: between them the curve is a guess."
        )
    if evidence.num_seeds == 1:
        notes.append("One seed only: the noise is known from the smoothness of the curve alone.")
    if evidence.out_of_fold_coverage < LOW_COVERAGE:
        notes.append(_low_coverage(evidence))
    notes += _disagreement(optima)
    return notes


def _disagreement(optima: Sequence[BenchmarkOptimum]) -> list[str]:
    """Said where the intervals of two benchmarks have no share in common."""
    lowest = min(optima, key=lambda optimum: optimum.interval[1])
    highest = max(optima, key=lambda optimum: optimum.interval[0])
    if lowest.interval[1] >= highest.interval[0]:
        return []
    return [
        f"Benchmarks disagree: {lowest.benchmark} is best at {_percent(lowest.best_share)} % "
        f"({_span(*lowest.interval)}), {highest.benchmark} at {_percent(highest.best_share)} % "
        f"({_span(*highest.interval)}); the objective's weights decide between them."
    ]


def _basis(evidence: Evidence) -> str:
    return (
        f"({_count(evidence.num_trials, 'trial')}, {_count(evidence.num_mixtures, 'mixture')}, "
        f"{_count(evidence.num_seeds, 'seed')})"
    )


def _low_coverage(evidence: Evidence) -> str:
    return (
        f"Left out in turn, only {_percent(evidence.out_of_fold_coverage)} % of the trials "
        "fall into their 95 % interval: the intervals may be too narrow."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g}"


def _span(low: float, high: float) -> str:
    return f"{_percent(low)} %" if low == high else f"{_percent(low)} to {_percent(high)} %"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
