"""Trials that were trained elsewhere, read from CSV: a mixture, a seed and scores in each row."""

import csv
import io
import math
from collections.abc import Sequence

from mixtures.mixture import SUM_TOLERANCE, Mixture
from mixtures.study import StudySpec
from mixtures.told import require_scores_fit
from mixtures.trial import Score
from mixtures.value import InvalidField, Value

# Tables are written with two or three digits: a sum this far from 1 is rounding, not a mistake.
SUM_SLACK = 0.02
_SHARE, _SCORE = "share:", "score:"
_LARGEST_SEED = 2**31 - 1


class ToldRow(Value):
    """One row: `line` is its place in the file, the header being line 1."""

    line: int
    shares: dict[str, float]
    seed: int
    scores: tuple[Score, ...]


def read_trials(text: str, study: StudySpec) -> list[ToldRow]:
    """The rows; raises InvalidField at the first that is wrong, its field `line N.COLUMN`.

    A row without a seed takes the next of those that its mixture has not had: rows that repeat a
    mixture are repeats.
    """
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        raise InvalidField("(body)", None, "the file is empty; expected a header and rows")
    columns = _columns(rows[0], study)
    found: list[ToldRow] = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(columns):
            raise InvalidField(
                f"line {line}", len(row), f"{len(row)} cells, expected {len(columns)}"
            )
        found.append(_row(line, row, rows[0], columns, study, found))
    return found


# What a column holds: ("share", source), ("score", benchmark, metric), ("seed",).
_Column = tuple[str, ...]


def _columns(header: Sequence[str], study: StudySpec) -> list[_Column]:
    sources = [source.name for source in study.sources]
    benchmarks = [benchmark.name for benchmark in study.benchmarks]
    found: list[_Column] = []
    for cell in header:
        name = cell.strip()
        if name == "seed":
            column: _Column = ("seed",)
        elif name.removeprefix(_SHARE) in sources and (
            name.startswith(_SHARE) or name not in benchmarks
        ):
            column = ("share", name.removeprefix(_SHARE))
        else:
            benchmark, _, metric = name.removeprefix(_SCORE).partition(":")
            if benchmark not in benchmarks or (benchmark in sources and _SCORE not in name):
                raise InvalidField(
                    "line 1",
                    cell,
                    f"no column has this name; there are seed, sources {sources} and benchmarks "
                    f"{benchmarks}, as {_SHARE}NAME and {_SCORE}NAME where a name is both",
                )
            column = ("score", benchmark, metric or study.objective.metric)
        if column in found:
            raise InvalidField("line 1", cell, "the column is there twice")
        found.append(column)
    return found


def _row(
    line: int,
    row: Sequence[str],
    header: Sequence[str],
    columns: Sequence[_Column],
    study: StudySpec,
    before: Sequence[ToldRow],
) -> ToldRow:
    shares = {source.name: 0.0 for source in study.sources}
    scores, seed = [], None
    for cell, name, column in zip(row, header, columns, strict=True):
        if not cell.strip() and column[0] != "share":
            continue
        value = _number(cell, f"line {line}.{name.strip()}")
        if column[0] == "share":
            if not 0 <= value <= 1 + SUM_SLACK:
                raise InvalidField(f"line {line}.{name.strip()}", cell, "expected a share, 0 to 1")
            shares[column[1]] = value
        elif column[0] == "score":
            scores.append(Score(benchmark=column[1], metric=column[2], value=value))
        else:
            if value != int(value) or not 0 <= value <= _LARGEST_SEED:
                raise InvalidField(f"line {line}.seed", cell, "expected a whole number from 0")
            seed = int(value)
    total = math.fsum(shares.values())
    if abs(total - 1) > SUM_SLACK:
        raise InvalidField(
            f"line {line}", total, f"the shares sum to {total:.6g}, expected 1 within {SUM_SLACK:g}"
        )
    if abs(total - 1) > SUM_TOLERANCE:
        shares = {name: round(share / total, 12) for name, share in shares.items()}
    mixture = Mixture(shares=shares)
    try:
        require_scores_fit(study, scores)
    except InvalidField as error:
        raise InvalidField(f"line {line}", error.value, str(error)) from error
    if seed is None:
        taken = {one.seed for one in before if one.shares == mixture.shares}
        seed = next(number for number in range(len(taken) + 1) if number not in taken)
    return ToldRow(line=line, shares=mixture.shares, seed=seed, scores=tuple(scores))


def _number(cell: str, field: str) -> float:
    try:
        value = float(cell)
    except ValueError as error:
        raise InvalidField(field, cell, "expected a number") from error
    if not math.isfinite(value):
        raise InvalidField(field, cell, "expected a finite number")
    return value
