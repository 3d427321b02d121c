"""Scores of a study that contradict each other, and are not used.

An outside team tells an average beside its parts, or imports it, and sometimes the average is not
what the parts say (`stored_aggregates.py`). Which of the numbers is wrong is not known, so nothing
of such a trial is used, and the answer names it.
"""

from collections.abc import Mapping, Sequence

from mixtures.own_tables import ScoreRow, Scores, decimals_of
from mixtures.own_trials import DataWarning
from mixtures.stored_aggregates import StoredAggregate, stored_aggregates
from mixtures.value import Value


class FlaggedScore(Value):
    """One trial's score that was not used: either `stored` and `recomputed`, or a `reason`."""

    trial_id: str | None
    benchmark: str
    stored: float | None = None
    recomputed: float | None = None
    reason: str | None = None

    @property
    def sentence(self) -> str:
        if self.reason is not None:
            return f"Trial {self.trial_id}, {self.benchmark}: {self.reason}."
        return (
            f"Trial {self.trial_id} is left out: its stored {self.benchmark} is {self.stored:.6g}, "
            f"and {self.recomputed:.6g} by its parts."
        )


def flagged_of(warnings: Sequence[DataWarning]) -> list[FlaggedScore]:
    return [
        FlaggedScore(
            trial_id=one.id,
            benchmark=one.column,
            stored=one.stored,
            recomputed=one.recomputed,
            reason=one.reason,
        )
        for one in warnings
    ]


def aggregates_of(scores: Mapping[str, Mapping[str, float]]) -> list[StoredAggregate]:
    """Benchmarks that only sum up others, from the scores (benchmark to value) of each trial."""
    return _aggregates(score_table(scores))


def contradictions(scores: Mapping[str, Mapping[str, float]]) -> list[FlaggedScore]:
    """The trials whose stored aggregate is not what its parts say, in the order of `scores`."""
    table = score_table(scores)
    return [
        FlaggedScore(
            trial_id=table.rows[row].id,
            benchmark=one.column,
            stored=table.rows[row].values[one.column],
            recomputed=float(one.recomputed[row]),
        )
        for one in _aggregates(table)
        for row in one.wrong_rows
    ]


def _aggregates(table: Scores) -> list[StoredAggregate]:
    return stored_aggregates(table) if len(table.metrics) > 2 else []


def score_table(scores: Mapping[str, Mapping[str, float]]) -> Scores:
    """The scores as the table that a team's own trials come as."""
    names = list(dict.fromkeys(name for own in scores.values() for name in own))
    decimals = {
        name: max(decimals_of(repr(own[name])) for own in scores.values() if name in own)
        for name in names
    }
    rows = tuple(ScoreRow(id=trial, values=dict(own), missing={}) for trial, own in scores.items())
    return Scores(metrics=tuple(names), rows=rows, decimals=decimals)
