"""The transfer score of a team's own trials, beside their objective (`transfer_score.py`).

The same fits of the metrics, summed with other weights; nothing is fitted anew.
"""

from dataclasses import dataclass

import numpy as np

from mixtures.fitted import r_squared
from mixtures.own_answer import OwnAnswer
from mixtures.surrogates.objective_fit import ObjectiveFit, combine
from mixtures.surrogates.seam import Array
from mixtures.transfer_score import transfer_weights


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTransfer:
    """`weights` sum to 1; `r_squared` is of left-out trials, None of a constant metric."""

    sign: float
    weights: dict[str, float]
    r_squared: dict[str, float | None]
    fit: ObjectiveFit

    def means(self, shares: Array) -> Array:
        """(P,) posterior means in the metrics' own direction."""
        mean, _ = self.fit.predict(shares)
        return self.sign * mean


def own_transfer(answer: OwnAnswer) -> OwnTransfer | None:
    """None where no metric is predicted better than by its mean."""
    stacks = dict(zip(answer.fit.names, answer.fit.stacks, strict=True))
    found: dict[str, float | None] = dict.fromkeys(answer.trials.weights)
    for name, stack in stacks.items():
        found[name] = r_squared(stack.trials.targets, stack.out_of_fold)
    weights = transfer_weights(answer.trials.weights, found)
    if not weights:
        return None
    rows = dict(zip(answer.fit.names, answer.fit.rows, strict=True))
    used = {name: stacks[name] for name in weights}
    return OwnTransfer(
        sign=answer.sign,
        weights=weights,
        r_squared=found,
        fit=combine(used, rows, weights, len(answer.trials.shares)),
    )


def transfer_ranks(means: Array, sign: float) -> Array:
    """(P,) from 1, the best mean first."""
    ranks = np.empty(len(means), dtype=int)
    ranks[np.argsort(sign * means, kind="stable")] = np.arange(1, len(means) + 1)
    return ranks
