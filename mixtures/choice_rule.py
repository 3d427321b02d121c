"""Which of the mixtures that cannot be told from the best is named: a rule that the study states.

The set is the answer; one of it has to be trained all the same. Fixed in the study before the first
trial, as the objective is, because whoever looks first can find a reason for any of them.

- `lowest_mean`: the best posterior mean.
- `cheapest`: the lowest SFT share, because SFT data is what has to be made or bought; of those
  alike in it (to a tenth of a per cent) the one whose most repeated source is repeated least; then
  the best mean.
- `closest_to_current`: the one for which the fewest tokens change their source against
  `current_mixture`, that is of least total variation, half the sum of |share - current share|.
- `most_probable`: of the mixtures that were tried, the one that is best most often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

ChoiceRule = Literal["lowest_mean", "cheapest", "closest_to_current", "most_probable"]
CHOICE_RULES: tuple[ChoiceRule, ...] = get_args(ChoiceRule)

WORDS: dict[ChoiceRule, str] = {
    "lowest_mean": "the best mean of all that cannot be told from the best",
    "cheapest": "the lowest SFT share that cannot be told from the best",
    "closest_to_current": "the closest to the current mixture that cannot be told from the best",
    "most_probable": "of the mixtures tried, the one most often best",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choosable:
    """P mixtures that may be named. `mean` are losses; `p_best` is 0 for what was not tried.

    `distance` (P,) is to the current mixture, zeros where there is none.
    """

    mean: NDArray[np.floating]
    is_tied: NDArray[np.bool_]
    p_best: NDArray[np.floating]
    sft_share: NDArray[np.floating]
    most_epochs: NDArray[np.floating]
    distance: NDArray[np.floating]


def choose(rule: ChoiceRule, among: Choosable) -> int:
    """The row that the rule names."""
    keys: dict[ChoiceRule, Sequence[NDArray[np.floating]]] = {
        "lowest_mean": (among.mean,),
        "cheapest": (among.sft_share.round(3), among.most_epochs, among.mean),
        "closest_to_current": (among.distance, among.mean),
        "most_probable": (-among.p_best, among.mean),
    }
    rows = np.flatnonzero(among.is_tied)
    # lexsort takes the most important key last.
    order = np.lexsort([key[rows] for key in reversed(keys[rule])])
    return int(rows[order[0]])


def total_variation(
    shares: NDArray[np.floating], current: NDArray[np.floating]
) -> NDArray[np.floating]:
    """(P,) the part of the tokens that come from another source than in `current` (K,)."""
    found: NDArray[np.floating] = 0.5 * np.abs(shares - current).sum(axis=1)
    return found
