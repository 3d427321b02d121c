"""Which trials are fitted where there are too many: a subset that the answer names.

A Gaussian process takes time that grows with the cube of the mixtures. What is asked is where the
best one lies, so the better half of the subset is the best that were measured, and the rest are
drawn from all others, so that the surrogates still see the whole region.
"""

from dataclasses import replace

import numpy as np

from mixtures.named_subset import subset_words
from mixtures.own_trials import OwnTrials

MOST_FITTED = 2_000


def fitted_subset(
    trials: OwnTrials, sign: float, seed: int, most: int = MOST_FITTED
) -> tuple[OwnTrials, str | None]:
    """The trials with scores at `most` mixtures at most, and the subset in words where it is one.

    `sign` times the objective is a loss. A mixture without a whole score is among the others.
    """
    if len(trials.shares) <= most:
        return trials, None
    losses = np.full(len(trials.shares), np.inf)
    for identity, runs in trials.objective.items():
        if runs and identity in trials.point_of:
            point = trials.point_of[identity]
            losses[point] = min(losses[point], sign * float(np.mean(runs)))
    order = np.argsort(losses, kind="stable")
    best, others = order[: most // 2], order[most // 2 :]
    drawn = np.random.default_rng([seed, 3]).choice(others, most - len(best), replace=False)
    kept = np.zeros(len(losses), dtype=bool)
    kept[best] = kept[drawn] = True
    values = {
        name: tuple(own if keep else () for own, keep in zip(runs, kept, strict=True))
        for name, runs in trials.values.items()
    }
    words = subset_words(len(best), len(drawn), len(others), f"drawn with seed {seed}")
    return replace(trials, values=values), words
