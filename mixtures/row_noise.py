"""What a mixture's raw mean is uncertain of, in parts that do not shrink together.

- `seed`: other seeds, that is other orders of the same tokens: both what a seed does to all
  mixtures and what it does to this one (`noise.py`). Falls with the number of seeds.
- `subset`: another draw of the data (`subset_noise.py`), of a study whose seeds read several
  (`data_seeds`). Falls with the number of subsets. Elsewhere all trials read the same, so it is not
  known, and `unknown_noise` says so.
- `item`: other items of the same benchmarks, from the standard errors that scores come with. All
  trials are scored on the same items, so more seeds do not lower it, and in a difference between
  two mixtures most of it cancels. It is not in the row's interval, which is for these items.

Marin keeps the first two apart for the same reason (FACTS, section 6).
"""

import math
from collections.abc import Sequence

from mixtures.noise import SeedNoise
from mixtures.objective import Objective
from mixtures.paired import MixtureTrials
from mixtures.value import Value


class RowNoise(Value):
    """Standard deviations of a row's mean; None where a part is not known."""

    seed: float | None = None
    subset: float | None = None
    item: float | None = None


def row_noise(objective: Objective, own: MixtureTrials, noise: SeedNoise | None) -> RowNoise:
    """The parts for one mixture."""
    seed = noise.of_seeds(own.key, own.by_seed) if noise else None
    subset = noise.of_subsets(own.by_seed) if noise else None
    return RowNoise(
        seed=math.sqrt(seed.variance) if seed else None,
        subset=math.sqrt(subset.variance) if subset else None,
        item=_item_sd(objective, own),
    )


def unknown_noise(
    data_seeds: int, noise: SeedNoise | None, rows: Sequence[RowNoise]
) -> dict[str, str]:
    """Why a part is None in the rows, by its name; of those that some row has not."""
    found = {}
    if noise is None:
        found["seed"] = "no mixture has run with two seeds"
    if data_seeds == 1:
        found["subset"] = (
            "all trials read one draw of the data, that of data_seed; a study with data_seeds "
            "tells this part from the seed's"
        )
    elif noise is None or noise.subset is None:
        found["subset"] = (
            "no mixture has run on two draws of the data and twice on one yet, so this part is in "
            "the seed's"
        )
    if any(row.item is None for row in rows):
        found["item"] = "not all scores come with a standard error over their items"
    return found


def _item_sd(objective: Objective, own: MixtureTrials) -> float | None:
    """Of the objective, benchmarks having items of their own; the mean over trials of the square.

    None where a benchmark that weighs something has no standard error in some trial.
    """
    squares = []
    for trial in own.trials:
        weights = {name: objective.weight_of(name) for name in trial.scores}
        weighted = {name: weight for name, weight in weights.items() if weight > 0}
        if not weighted.keys() <= trial.standard_errors.keys():
            return None
        total = math.fsum(weights.values())
        squares.append(
            math.fsum(
                (w / total * trial.standard_errors[name]) ** 2 for name, w in weighted.items()
            )
        )
    return math.sqrt(math.fsum(squares) / len(squares))
