"""Levels for the first mixtures: each level of a list as often as another, ranges filled evenly.

A sliced design (Qian 2012, Journal of the American Statistical Association 107, 393-399): the
mixtures at any one level should fill the space too, or a factor's effect is a mixture's. Of many
balanced tables the one is taken whose closest pair, over mixture and levels together, is furthest
apart (maximin: Johnson, Moore and Ylvisaker 1990), so what is alike in its levels differs in its
mixture.
"""

from collections.abc import Sequence

import numpy as np

from mixtures.factors import Axis, Levels
from mixtures.polytope import Array
from mixtures.space_filling import named_rng

_NUM_TABLES = 200


def level_table(axes: Sequence[Axis], mixtures: Array, seed: int) -> list[Levels]:
    """A level of each factor for each of the mixtures (n, K); any first few of them are balanced
    too, to within one.
    """
    num = len(mixtures)
    if not axes or num == 0:
        return [{} for _ in range(num)]
    rng = named_rng("level_table", seed, num, [axis.name for axis in axes])
    roots = np.sqrt(np.maximum(mixtures, 0.0))
    of_mixtures = _squares(roots)
    typical = float(np.median(of_mixtures[np.triu_indices(num, 1)])) if num > 1 else 1.0
    best, apart = _drawn(axes, num, rng), -1.0
    for _ in range(_NUM_TABLES if num > 1 else 1):
        table = _drawn(axes, num, rng)
        distance = of_mixtures / max(typical, 1e-12)
        for axis, column in zip(axes, table.T, strict=True):
            between = _squares(column[:, None])
            distance = distance + (between > 0 if axis.is_category else between)
        closest = float(distance[np.triu_indices(num, 1)].min(initial=np.inf))
        if closest > apart:
            best, apart = table, closest
    return [
        {axis.name: axis.decode(at) for axis, at in zip(axes, row, strict=True)} for row in best
    ]


def _drawn(axes: Sequence[Axis], num: int, rng: np.random.Generator) -> Array:
    """(num, F): blocks with every level once, in a new order each; Halton points for a range."""
    # Not above: scipy.stats is 70 MB, which a controller at rest does without.
    from scipy.stats import qmc

    columns = []
    for axis in axes:
        if axis.codes:
            blocks = [rng.permutation(axis.codes) for _ in range(-(-num // len(axis.codes)))]
            columns.append(np.concatenate(blocks)[:num])
        else:
            columns.append(qmc.Halton(1, scramble=True, rng=rng).random(num)[:, 0])
    return np.column_stack(columns)


def _squares(rows: Array) -> Array:
    squares = np.sum(rows**2, axis=1)
    return np.asarray(np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0.0))
