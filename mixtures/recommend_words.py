"""The recommendation in plain sentences: what to do first, then what is not known."""

from collections.abc import Sequence

from mixtures.recommendation import BenchmarkOptimum, Evidence, Interval

# Below this a bend between two tried shares is the prior's, not the data's.
FEW_MIXTURES = 6
# A 95 % interval that covers fewer of the trials left out says that the fit is not to be trusted.
LOW_COVERAGE = 0.8


def sentence_of(
    share: float, pieces: Sequence[Interval], evidence: Evidence, enough_evidence: bool
) -> str:
    basis = (
        f"({_count(evidence.num_trials, 'trial')}, {_count(evidence.num_mixtures, 'mixture')}, "
        f"{_count(evidence.num_seeds, 'seed')})"
    )
    where = " and ".join(_span(*piece) for piece in pieces)
    if not enough_evidence:
        return (
            f"Not enough evidence to prefer a share: no share tried can be told from "
            f"{_percent(share)} % SFT {basis}."
        )
    if len(pieces) == 1 and pieces[0] == (share, share):
        return f"Decay on {_percent(share)} % SFT; every other share tried is worse {basis}."
    return f"Decay on {_percent(share)} % SFT; {where} cannot be told from it {basis}."


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
        notes.append(
            f"Left out in turn, only {_percent(evidence.out_of_fold_coverage)} % of the trials "
            "fall into their 95 % interval: the intervals may be too narrow."
        )
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


def _percent(share: float) -> str:
    return f"{100 * share:.3g}"


def _span(low: float, high: float) -> str:
    return f"{_percent(low)} %" if low == high else f"{_percent(low)} to {_percent(high)} %"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
