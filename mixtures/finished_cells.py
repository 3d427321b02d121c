"""The cells of one row of a table of trials, each read with an error that names line and column."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mixtures.csv_rows import csv_number
from mixtures.factors import Level
from mixtures.study import StudySpec
from mixtures.value import InvalidField

MOST_TOKENS = 10**18 - 1


@dataclass(frozen=True, slots=True)
class Cells:
    """A row: `line` is its place in the file, the header being line 1."""

    line: int
    by_name: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.by_name[column]

    def get(self, column: str) -> str:
        """Empty where there is no such column."""
        return self.by_name.get(column, "")

    def names(self, prefix: str) -> list[str]:
        """What comes after the prefix, of each column that has it."""
        return [one.removeprefix(prefix) for one in self.by_name if one.startswith(prefix)]

    def wrong(self, column: str, message: str) -> InvalidField:
        return InvalidField(self.field(column), self.get(column), message)

    def field(self, column: str) -> str:
        return f"line {self.line}.{column}"

    def json(self, column: str, default: Any) -> Any:
        """The cell as JSON; raises InvalidField."""
        if not self[column]:
            return default
        try:
            return json.loads(self[column])
        except (ValueError, RecursionError) as error:
            raise self.wrong(column, "expected JSON, as the export wrote it") from error


def require_header(header: Sequence[str], study: StudySpec, plain: Collection[str]) -> None:
    """Raises InvalidField at a column that is there twice, is missing, or is not the study's."""
    sources = [source.name for source in study.sources]
    needed = {*plain, *(f"{part}:{name}" for part in ("share", "tokens") for name in sources)}
    for column in header:
        if header.count(column) > 1:
            raise InvalidField("line 1", column, "the column is there twice")
    for column in needed:
        if column not in header:
            raise InvalidField(
                "line 1",
                None,
                f"the column {column} is missing; give a table that trials --csv made",
            )
    benchmarks = [benchmark.name for benchmark in study.benchmarks]
    for column in header:
        part, _, name = column.partition(":")
        is_score = part in ("score", "standard_error", "num_items")
        is_ours = (
            column in needed
            or part == "factor"
            or (is_score and name.partition(":")[0] in benchmarks)
        )
        if not is_ours:
            raise InvalidField(
                "line 1",
                column,
                f"no column of this study; its sources are {sources}, its benchmarks {benchmarks}",
            )


def number(cells: Cells, column: str) -> float:
    """Raises InvalidField."""
    return csv_number(cells[column], cells.field(column))


def whole(cells: Cells, column: str, most: int = 2**31 - 1) -> int:
    """Raises InvalidField."""
    text = cells[column]
    if not text.isdecimal() or len(text) > 18 or int(text) > most:
        raise cells.wrong(column, f"expected a whole number from 0 to {most}")
    return int(text)


def level(cells: Cells, column: str) -> Level | None:
    """Of a factor, as JSON; None where the trial has none. Raises InvalidField."""
    found = cells.json(column, None)
    if found is not None and not isinstance(found, bool | str | int | float):
        raise cells.wrong(column, "expected a level of this factor")
    return found


def levels(cells: Cells) -> dict[str, Level]:
    """Of every factor that the trial has one of. Raises InvalidField."""
    found = {name: level(cells, f"factor:{name}") for name in cells.names("factor:")}
    return {name: at for name, at in found.items() if at is not None}


def when(cells: Cells, column: str) -> datetime | None:
    """Raises InvalidField."""
    if not cells[column]:
        return None
    try:
        found = datetime.fromisoformat(cells[column])
        found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise cells.wrong(
            column, "expected a date and time, as 2026-11-26T01:30:00+00:00"
        ) from error
    if found.tzinfo is None:
        raise cells.wrong(column, "expected a time with its zone, as +00:00")
    return found
