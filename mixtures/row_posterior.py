"""What the fit says of each mixture on the leaderboard, beside its raw mean.

Everything is read off one matrix of joint draws (`best_of_pool.py`), so the figures of all rows
agree with each other: P(best) sums to 1 over the mixtures, P(in the top k) to k.
"""

import numpy as np

from mixtures.best_of_pool import BestOfPool
from mixtures.late_scipy import ndtri
from mixtures.surrogates.seam import Array, Rows
from mixtures.value import Value

# How many a team would train next, were the first no good.
TOP_K = 3


class RowPosterior(Value):
    """Of the noise-free objective at one mixture. `interval` is 95 %.

    `expected_regret` (0 or more) is how much worse than the best of the mixtures it is on average.
    `in_tie_group`: it cannot be told from the one with the best posterior mean.
    """

    mean: float
    sd: float
    interval: tuple[float, float]
    p_best: float
    p_top_k: float
    expected_regret: float
    in_tie_group: bool


def row_posteriors(
    mean: Array, sd: Array, top_k: Array, best: BestOfPool, sign: float
) -> list[RowPosterior]:
    """One for each of P mixtures, from losses; `sign` times a loss is the objective."""
    half = float(ndtri(0.975)) * sd
    rows = []
    for row in range(len(mean)):
        center = float(sign * mean[row])
        rows.append(
            RowPosterior(
                mean=center,
                sd=float(sd[row]),
                interval=(center - float(half[row]), center + float(half[row])),
                p_best=float(best.p_best[row]),
                p_top_k=float(top_k[row]),
                expected_regret=float(max(best.expected_regret[row], 0.0)),
                in_tie_group=bool(best.is_tied[row]),
            )
        )
    return rows


def probability_in_top(draws: Array, drawn: Rows, count: int, k: int) -> Array:
    """(count,) how often each of `count` mixtures is among the k least of a draw.

    `draws` (S, D) are of the rows `drawn`; the others are taken never to be. Sums to min(k, D).
    """
    k = min(k, len(drawn))
    least = np.argpartition(draws, k - 1, axis=1)[:, :k]
    found = np.zeros(count)
    found[drawn] = np.bincount(least.ravel(), minlength=len(drawn)) / len(draws)
    return found
