"""Columns that only sum up other columns, and the rows where they do it wrong.

Published tables have them, and have wrong rows: in 3 of 256 published SFT mixtures the stored
average lay 7 sd above the mean of the row's own 17 scores, and these three came first (FACTS,
section 6). So an aggregate is found by its arithmetic, computed anew from its parts, and a row
where the stored one differs is not used: nobody knows which of its numbers is right.

A column is an aggregate where most rows agree that it is  sum_j w_j * part_j  with no negative
weight. That cannot be read both ways: solved for one of its parts the same identity has negative
weights. Tried are the mean and the sum of all other columns, the mean and the sum of the columns
whose names start with its own (mmlu, mmlu_law), and, where the name says so (average, overall), any
weights, by least absolute deviations, which a minority of wrong rows does not move (Bloomfield &
Steiger 1983).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.own_tables import Scores
from mixtures.surrogates.seam import Array

# Three rows that agree to their last digit are no accident; nor is an identity in 3 of 4 rows.
MIN_ROWS = 3
MIN_AGREEING = 0.75
# Rounding of floats in a row's arithmetic, against the size of the numbers.
FLOAT_TOLERANCE = 1e-6
# Below this a weight by least absolute deviations is zero.
LEAST_WEIGHT = 1e-4
# Weights this close to equal ones are equal.
SNAP = 1e-3
SAYS_AGGREGATE = re.compile(r"(^|[^a-z])(avg|average|mean|overall|total|sum|macro|all|aggregate)")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAggregate:
    """`column` = sum of `weights` times parts; `wrong_rows` are those that say otherwise.

    `recomputed` (N,) has NaN where a part is missing.
    """

    column: str
    weights: dict[str, float]
    recomputed: Array
    wrong_rows: tuple[int, ...]


def stored_aggregates(scores: Scores) -> list[StoredAggregate]:
    """The aggregates among the columns; none of their parts is itself an aggregate."""
    table = np.array(
        [[row.values.get(name, np.nan) for name in scores.metrics] for row in scores.rows]
    )
    columns = {name: table[:, j] for j, name in enumerate(scores.metrics)}
    found: list[StoredAggregate] = []
    # Those with a telling name first; then the mean of all others is one of real metrics alone.
    for name in sorted(scores.metrics, key=lambda name: not SAYS_AGGREGATE.search(name.lower())):
        known = {one.column for one in found}
        others = [other for other in scores.metrics if other != name and other not in known]
        aggregate = _aggregate(name, others, columns, scores.decimals)
        if aggregate is not None:
            found.append(aggregate)
    known = {one.column for one in found}
    return [one for one in found if not known & one.weights.keys()]


def _aggregate(
    name: str, others: Sequence[str], columns: dict[str, Array], decimals: dict[str, int]
) -> StoredAggregate | None:
    prefixed = [one for one in others if re.match(re.escape(name) + r"[^a-zA-Z0-9]", one)]
    for parts in (others, prefixed):
        if len(parts) < 2:
            continue
        for weight in (1.0 / len(parts), 1.0):
            weights = dict.fromkeys(parts, weight)
            aggregate = _checked(name, weights, columns, decimals)
            if aggregate is not None:
                return aggregate
    if SAYS_AGGREGATE.search(name.lower()) and len(others) >= 2:
        weights = _least_absolute(columns[name], {one: columns[one] for one in others})
        if len(weights) >= 2:
            return _checked(name, weights, columns, decimals)
    return None


def _checked(
    name: str, weights: dict[str, float], columns: dict[str, Array], decimals: dict[str, int]
) -> StoredAggregate | None:
    recomputed = sum(
        (weight * columns[part] for part, weight in weights.items()), np.zeros(len(columns[name]))
    )
    stored = columns[name]
    comparable = np.isfinite(stored) & np.isfinite(recomputed)
    size = np.abs(stored[comparable]).max(initial=1.0)
    rounding = 0.5 * 10.0 ** -decimals[name] + sum(
        0.5 * weight * 10.0 ** -decimals[part] for part, weight in weights.items()
    )
    # Numbers printed in full have some 16 digits; those of tables 2 to 4.
    tolerance = max(1.01 * rounding, FLOAT_TOLERANCE * size)
    agrees: NDArray[np.bool_] = np.abs(stored - recomputed) <= tolerance
    if agrees.sum() < max(MIN_ROWS, MIN_AGREEING * comparable.sum()):
        return None
    # A column that never moves agrees with anything that never moves.
    if np.ptp(stored[agrees]) <= 2 * tolerance:
        return None
    wrong = np.flatnonzero(comparable & ~agrees)
    return StoredAggregate(
        column=name, weights=weights, recomputed=recomputed, wrong_rows=tuple(wrong.tolist())
    )


def _least_absolute(stored: Array, parts: dict[str, Array]) -> dict[str, float]:
    """Non-negative weights of least sum of absolute errors; empty where rows are too few."""
    from scipy.optimize import linprog

    inputs = np.column_stack(list(parts.values()))
    rows = np.isfinite(stored) & np.isfinite(inputs).all(axis=1)
    count, width = int(rows.sum()), inputs.shape[1]
    if count < width + MIN_ROWS:
        return {}
    # Weights, then what each row lies above and below.
    equal = np.hstack([inputs[rows], np.eye(count), -np.eye(count)])
    cost = np.concatenate([np.zeros(width), np.ones(2 * count)])
    found = linprog(cost, A_eq=equal, b_eq=stored[rows], bounds=(0, None), method="highs")
    if not found.success:
        return {}
    kept = {
        name: float(weight)
        for name, weight in zip(parts, found.x[:width], strict=True)
        if weight > LEAST_WEIGHT
    }
    # A mean of some columns: its weights without the rounding of the program that found them.
    if kept and max(abs(weight * len(kept) - 1.0) for weight in kept.values()) < SNAP:
        return dict.fromkeys(kept, 1.0 / len(kept))
    return kept
