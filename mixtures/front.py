"""The Pareto front as a value, and the small part of it that a recommendation carries.

`pareto.py` makes it. A recommendation names one mixture by one weighting of its objectives; beside
it stand the mixtures that another weighting might take, so that nobody has to ask a second time.
"""

from mixtures.value import Value

# More than a reader compares; the whole front is the answer to a question of its own.
MOST_SHOWN = 12


class ParetoObjective(Value):
    """`benchmarks` are the weights in it, summing to 1."""

    name: str
    metric: str
    direction: str
    benchmarks: dict[str, float]
    r_squared: float | None


class ParetoRow(Value):
    """One tried mixture. Values are by objective, in the objective's own direction."""

    shares: dict[str, float]
    sft_share: float
    trial_ids: tuple[str, ...]
    is_baseline: tuple[str, ...]
    raw: dict[str, float]
    mean: dict[str, float]
    sd: dict[str, float]
    on_raw_front: bool
    on_front: bool
    p_on_front: float


class ParetoFront(Value):
    """Rows by the probability of being on the front, largest first.

    `on_raw_front` is of the measured means, `on_front` of the posterior means, `p_on_front` of
    joint draws of the posterior. `error_correlation` is what the draws take between objectives.
    `subset` names the mixtures that were fitted, where these are not all.
    """

    objectives: tuple[ParetoObjective, ...]
    rows: tuple[ParetoRow, ...]
    error_correlation: tuple[tuple[float, ...], ...]
    surrogate: str
    as_of: str
    subset: str | None = None
    notes: tuple[str, ...]


def shown_front(front: ParetoFront) -> ParetoFront:
    """The mixtures on the front of the posterior means alone, the MOST_SHOWN most probable of them;
    a note says where there are more.
    """
    on_front = [row for row in front.rows if row.on_front]
    rows = tuple(on_front[:MOST_SHOWN])
    notes = front.notes
    if len(rows) < len(on_front):
        more = (
            f"The {len(rows)} of {len(on_front):,} mixtures most probably on the Pareto front are "
            "listed; ask for the front itself for all."
        )
        notes = (*notes, more)
    return front.model_copy(update={"rows": rows, "notes": notes})
