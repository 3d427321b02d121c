"""The mixtures of a study as columns: filtered, sorted and paged in milliseconds, for table and
figures alike. One filter serves both, and it is a part of the address.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mixtures.rank import Leaderboard, LeaderboardRow
from mixtures.repetition import Epochs
from mixtures.study import StudySpec
from mixtures.value import Value
from service.errors import BadInput
from service.pages.table_columns import OF_POSTERIOR, Column, columns_of

ROWS_PER_PAGE = 50
Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Share = Annotated[float | None, Field(ge=0.0, le=1.0)]


class MixtureFilter(Value):
    """Which mixtures are shown. `q` is looked for in the names of baselines, the ids of trials and
    the sources that a mixture has; `share_from` and `share_to` bound the SFT share."""

    q: str = Field(default="", max_length=200)
    share_from: Share = None
    share_to: Share = None
    trials_from: int = Field(default=1, ge=1, description="trials that a mixture has at least")
    tied: bool = Field(default=False, description="only those that cannot be told from the best")

    @property
    def is_empty(self) -> bool:
        return self == MixtureFilter()


class TableQuery(MixtureFilter):
    """A filter, an order and where the page of rows begins. A minus before `sort` turns it round.

    `after` is the first trial of the last row of the page before. `columns` are those that are
    shown, `line` what figures show: `objective` or `benchmark:NAME`.
    """

    sort: str = "rank"
    after: str | None = None
    limit: int = Field(default=ROWS_PER_PAGE, ge=1, le=1000)
    columns: tuple[str, ...] = Field(default=(), description="keys; none: the usual ones")
    line: str = "objective"

    @property
    def filter(self) -> MixtureFilter:
        return MixtureFilter.model_validate(
            self.model_dump(include=set(MixtureFilter.model_fields))
        )


class TablePage(Value):
    """A page of the leaderboard. `num_matching` of `num_mixtures` pass the filter."""

    version: str
    num_mixtures: int
    num_matching: int
    sort: str
    rows: tuple[LeaderboardRow, ...]
    next_after: str | None


@dataclass(frozen=True)
class MixtureTable:
    """A leaderboard with its numbers as columns."""

    spec: StudySpec
    board: Leaderboard

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those that this leaderboard can show, in order."""
        return tuple(
            one for one in self._all_columns if self._has_posterior or one.key not in OF_POSTERIOR
        )

    @cached_property
    def _has_posterior(self) -> bool:
        return any(row.posterior for row in self.board.rows)

    @cached_property
    def _all_columns(self) -> tuple[Column, ...]:
        """Those that it can show once there is a fit: an address may name them before."""
        return columns_of(self.spec, self.board, self._has_posterior)

    def shown_columns(self, wanted: Iterable[str]) -> tuple[Column, ...]:
        """Those named in `wanted`, or the usual ones; rank and share always."""
        names = set(wanted)
        for name in names:
            self._require_column("columns", name, name)
        always = {"rank", "share"}
        return tuple(
            one
            for one in self.columns
            if one.key in always or (one.key in names if names else one.is_usual)
        )

    def matching(self, wanted: MixtureFilter) -> Rows:
        """Row numbers that pass the filter, in the leaderboard's order."""
        if not self.board.rows:
            return np.arange(0)
        passes = self.values("trials") >= wanted.trials_from
        share = self.values("share")
        if wanted.share_from is not None:
            passes &= share >= wanted.share_from - 1e-9
        if wanted.share_to is not None:
            passes &= share <= wanted.share_to + 1e-9
        if wanted.tied:
            passes &= self._tied
        if words := wanted.q.casefold().split():
            passes &= np.array([all(word in text for word in words) for text in self._texts])
        return np.flatnonzero(passes)

    def ordered(self, wanted: MixtureFilter, sort: str) -> Rows:
        """The matching rows in the order of `sort`; what is not known comes last."""
        rows = self.matching(wanted)
        key = sort.removeprefix("-")
        self._require_column("sort", sort, key)
        values = self.values(key)[rows]
        order = np.argsort(-values if sort.startswith("-") else values, kind="stable")
        return rows[order]

    def _require_column(self, field: str, given: str, key: str) -> None:
        known = [column.key for column in self._all_columns]
        if key not in known:
            raise BadInput(field, given, f"no such column; there are {', '.join(known)}")

    def page(self, query: TableQuery, version: str) -> TablePage:
        """The rows after `query.after`; from the first where that row is gone."""
        rows = self.ordered(query.filter, query.sort)
        start = 0
        if query.after is not None and (last := self._place.get(query.after)) is not None:
            found = np.flatnonzero(rows == last)
            start = int(found[0]) + 1 if len(found) else 0
        shown = rows[start : start + query.limit]
        is_more = start + len(shown) < len(rows)
        return TablePage(
            version=version,
            num_mixtures=len(self.board.rows),
            num_matching=len(rows),
            sort=query.sort,
            rows=tuple(self.board.rows[row] for row in shown),
            next_after=self.board.rows[shown[-1]].trial_ids[0] if is_more else None,
        )

    def values(self, key: str) -> Array:
        """A column's numbers (rows,), NaN where there is none."""
        if key not in self._values:
            read = [_number(row, key) for row in self.board.rows]
            self._values[key] = np.array(read, dtype=np.float64)
        return self._values[key]

    @cached_property
    def _values(self) -> dict[str, Array]:
        return {}

    @cached_property
    def _tied(self) -> NDArray[np.bool_]:
        return np.array([is_tied(row) for row in self.board.rows], dtype=np.bool_)

    @cached_property
    def is_baseline(self) -> NDArray[np.bool_]:
        """Of each row: asking 50,000 rows one by one took every figure 40 ms."""
        return np.array([bool(row.is_baseline) for row in self.board.rows], dtype=np.bool_)

    @cached_property
    def _texts(self) -> list[str]:
        return [
            " ".join(
                (*(name.replace("_", " ") for name in row.is_baseline), *row.trial_ids, *_held(row))
            ).casefold()
            for row in self.board.rows
        ]

    @cached_property
    def _place(self) -> dict[str, int]:
        return {row.trial_ids[0]: place for place, row in enumerate(self.board.rows)}


def is_tied(row: LeaderboardRow) -> bool:
    """By the fit where there is one, else by the trials alone."""
    return row.posterior.in_tie_group if row.posterior else row.tied_with_best


def most_epochs(row: LeaderboardRow) -> tuple[str, Epochs] | None:
    """The source that the mixture repeats most, in the full run where that is known."""
    if not row.epochs:
        return None
    name = max(row.epochs, key=lambda one: row.epochs[one].full_run or row.epochs[one].proxy)
    return name, row.epochs[name]


def _held(row: LeaderboardRow) -> list[str]:
    return [name for name, share in row.shares.items() if share > 0]


def _number(row: LeaderboardRow, key: str) -> float:
    kind, _, name = key.partition(":")
    found: float | None
    if kind == "against":
        found = next((one.difference for one in row.paired if one.baseline == name), None)
    elif kind == "score":
        found = row.scores.get(name)
    elif kind == "noise":
        found = getattr(row.noise, name)
    elif key == "epochs":
        most = most_epochs(row)
        found = (most[1].full_run or most[1].proxy) if most else None
    elif key in OF_POSTERIOR:
        found = getattr(row.posterior, OF_POSTERIOR[key]) if row.posterior else None
    elif key == "interval":
        found = row.interval[1] - row.interval[0] if row.interval else None
    else:
        found = getattr(row, _OF_ROW[key])
    return math.nan if found is None else float(found)


_OF_ROW = {"rank": "rank", "share": "sft_share", "mean": "mean", "trials": "num_trials"}
