"""A team's own trials, as they come: a CSV table of mixtures, one of scores, one of candidates.

Bad input gets an error that names file, row and column. A score that is missing is none of these:
runs diverge, and evaluations fail. It is left out and told.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.csv_cell import unguarded
from mixtures.surrogates.seam import Array

ID_COLUMNS = ("id", "index")
# Shares are often rounded to two or three decimals; a sum further off is a mistake.
SUM_TOLERANCE = 0.02
# A share that a solver left this little below zero is zero.
NEGATIVE_TOLERANCE = 1e-6
# How people and programs write that there is no value, in lower case.
NO_VALUE = ("", "na", "n/a", "nan", "none", "null", "-")


class BadTable(ValueError):
    """The message names file, row and column, and says what would be right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mixtures:
    """N mixtures of K sources; rows of `shares` (N, K) sum to 1."""

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    shares: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreRow:
    """One trial's scores as written; what is missing is not in `values`, and `missing` says why."""

    id: str
    values: dict[str, float]
    missing: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """`decimals` is the most that any row writes of a column: what it may be rounded to."""

    metrics: tuple[str, ...]
    rows: tuple[ScoreRow, ...]
    decimals: dict[str, int]


def read_mixtures(text: str, file: str, sources: Sequence[str] | None = None) -> Mixtures:
    """The mixtures of a CSV text; with `sources` given these are the columns, in any order.

    Raises BadTable: no id, an id twice, a share that is no number or negative, a sum that is off.
    """
    header, rows = _read(text, file)
    key, names = _split_header(header, file)
    if len(names) < 2:
        raise BadTable(f"{file}: {len(names)} source columns, expected one per source, 2 or more")
    if sources is not None and set(names) != set(sources):
        odd = sorted(set(names) ^ set(sources))
        raise BadTable(f"{file}: its sources are not those of the mixtures file; see {odd[:5]}")
    order = list(sources or names)
    ids: list[str] = []
    shares: list[list[float]] = []
    for where, row in rows:
        identity = _identity(row, key, where)
        if identity in ids:
            raise BadTable(f"{where}: id {identity!r} stands twice; a mixture has one row")
        ids.append(identity)
        shares.append(_shares(row, order, f"{where} (id {identity})"))
    if not ids:
        raise BadTable(f"{file}: no rows, expected one per mixture")
    return Mixtures(ids=tuple(ids), sources=tuple(order), shares=np.array(shares))


def read_scores(text: str, file: str) -> Scores:
    """The scores of a CSV text; an id may stand in several rows, which are its repeats.

    Raises BadTable: no id, no metric, a score that is not a number.
    """
    header, rows = _read(text, file)
    key, names = _split_header(header, file)
    if not names:
        raise BadTable(f"{file}: no metric columns beside {key!r}")
    found = []
    decimals = dict.fromkeys(names, 0)
    for where, row in rows:
        identity = _identity(row, key, where)
        values: dict[str, float] = {}
        missing: dict[str, str] = {}
        for name in names:
            written = row[name].strip()
            if written.lower() in NO_VALUE:
                missing[name] = "no score"
                continue
            value = _number(written, name, f"{where} (id {identity})")
            if math.isfinite(value):
                values[name] = value
                decimals[name] = max(decimals[name], decimals_of(written))
            else:
                missing[name] = f"the score is {written}"
        found.append(ScoreRow(id=identity, values=values, missing=missing))
    if not found:
        raise BadTable(f"{file}: no rows, expected one per trial")
    return Scores(metrics=tuple(names), rows=tuple(found), decimals=decimals)


def _read(text: str, file: str) -> tuple[list[str], Iterator[tuple[str, dict[str, str]]]]:
    """The header, and (place, cells by column) of each row; a place is what an error names."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise BadTable(f"{file} row 1: {error}") from error
    if not any(header):
        raise BadTable(f"{file}: empty, expected a header row")
    for name in header:
        if not name:
            raise BadTable(f"{file} row 1: a column has no name")
        if header.count(name) > 1:
            raise BadTable(f"{file} row 1: column {name!r} stands twice")

    def rows() -> Iterator[tuple[str, dict[str, str]]]:
        while True:
            where = f"{file} row {reader.line_num + 1}"
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise BadTable(f"{where}: {error}") from error
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise BadTable(f"{where}: {len(cells)} cells, the header has {len(header)}")
            yield where, dict(zip(header, map(unguarded, cells), strict=True))

    return header, rows()


def _split_header(header: list[str], file: str) -> tuple[str, list[str]]:
    keys = [name for name in header if name.lower() in ID_COLUMNS]
    if len(keys) != 1:
        raise BadTable(f"{file}: columns {keys} name the id, expected one of {list(ID_COLUMNS)}")
    return keys[0], [name for name in header if name != keys[0]]


def _identity(row: dict[str, str], key: str, where: str) -> str:
    identity = row[key].strip()
    if not identity:
        raise BadTable(f"{where}: column {key!r} is empty, expected the trial's id")
    return identity


def _shares(row: dict[str, str], sources: Sequence[str], where: str) -> list[float]:
    shares = []
    for source in sources:
        share = _number(row[source].strip(), source, where)
        if not -NEGATIVE_TOLERANCE <= share < math.inf:
            raise BadTable(f"{where}: column {source!r} is {share:g}, expected a share from 0 to 1")
        shares.append(max(share, 0.0))
    total = math.fsum(shares)
    if abs(total - 1.0) > SUM_TOLERANCE + 1e-9:
        hint = "; are these per cent?" if abs(total - 100.0) < 100 * SUM_TOLERANCE else ""
        raise BadTable(
            f"{where}: shares sum to {total:.4g}, expected 1 within {SUM_TOLERANCE}{hint}"
        )
    return [share / total for share in shares]


def _number(written: str, column: str, where: str) -> float:
    try:
        return float(written)
    except ValueError:
        raise BadTable(f"{where}: column {column!r} is {written!r}, expected a number") from None


def decimals_of(written: str) -> int:
    """Digits after the point; 1.5e-3 has four."""
    mantissa, _, exponent = written.lower().partition("e")
    return max(len(mantissa.partition(".")[2]) - int(exponent or 0), 0)
