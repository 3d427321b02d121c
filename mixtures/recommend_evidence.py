"""What a recommendation loses where it loses most, and how many more trials an answer may take.

Two formulas of sample size, both at POWER:

- To tell two means apart: the sd of their difference falls with the root of the number of trials,
  so a difference that now lies z sds from 0 takes  n ((z_a + z_b) / z)^2  trials in all, z_a the
  bound that it has to pass and z_b the normal quantile of the power (Lachin 1981, Controlled
  Clinical Trials 2, 93-113, equation 1, with the sd of the trials that are there).
- To show that a rank correlation r is not chance: without one it has sd 1 / sqrt(n - 1), so the
  bound is z_a / sqrt(n - 1) (`own_evidence.py`), and with one sd (1 - r^2) / sqrt(n - 1) (Kendall &
  Gibbons 1990, Rank Correlation Methods, sections 4.14 and 9.9). It passes with the power where
  n = 1 + ((z_a + z_b (1 - r^2)) / r)^2.

Both take the present estimate for the truth. It is one of few trials, so the number is a guide and
is said as "about".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mixtures.late_scipy import ndtri
from mixtures.recommendation import Interval, WorstBenchmark

POWER = 0.8
# Beyond this a number of trials is not a plan.
MOST_TRIALS = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkLoss:
    """The choice's loss minus the baseline's on one benchmark; `spread` is over trials."""

    benchmark: str
    baseline: str
    mean: float
    interval: Interval
    spread: float


def worst_benchmark(losses: Sequence[BenchmarkLoss], sign: float) -> WorstBenchmark | None:
    """The greatest loss in units of its benchmark's spread; None where nothing is lost.

    `sign` times a loss is the score.
    """
    lost = [one for one in losses if one.mean > 0.0 and one.spread > 0.0]
    if not lost:
        return None
    worst = max(lost, key=lambda one: one.mean / one.spread)
    low, high = sorted(sign * end for end in worst.interval)
    return WorstBenchmark(
        benchmark=worst.benchmark,
        baseline=worst.baseline,
        difference=sign * worst.mean,
        interval=(low, high),
    )


def more_to_tell_apart(num_trials: int, sds: float, num_looks: int) -> int | None:
    """Trials beyond `num_trials` until the clearest of `num_looks` differences, now `sds` from 0,
    passes Bonferroni's one-sided bound at 5 %; None where there is no difference to speak of.
    """
    if sds <= 0.0:
        return None
    needed = float(ndtri(1.0 - 0.05 / num_looks) + ndtri(POWER)) / sds
    return _more(num_trials * needed**2, num_trials)


def more_to_rank(num_mixtures: int, spearman: float, chance: float) -> int | None:
    """Mixtures beyond `num_mixtures` until a rank correlation like this one is not chance.

    `chance` is how often chance alone may reach it; None where it is not above 0.
    """
    if spearman <= 0.0:
        return None
    bound, power = float(ndtri(1.0 - chance)), float(ndtri(POWER))
    needed = (bound + power * (1.0 - spearman**2)) / spearman
    return _more(1.0 + needed**2, num_mixtures)


def most_of(numbers: Sequence[int | None]) -> int | None:
    """The largest; None where there is none, or one cannot be said."""
    known = [one for one in numbers if one is not None]
    return max(known) if known and len(known) == len(numbers) else None


def _more(total: float, have: int) -> int | None:
    # At least one: the trials that are there did not do.
    more = max(math.ceil(total) - have, 1)
    return more if more <= MOST_TRIALS else None
