"""Trials that were trained elsewhere, read from CSV: a mixture, a seed and scores in each row, and
of a study with factors the levels that it was trained at.

Tables of results often have an average beside its parts. A column that is no benchmark of the study
is taken where its numbers are sums of others, and is looked at for one thing: a row where it is not
what its parts say contradicts itself (`stored_aggregates.py`).
"""

import math
from collections.abc import Sequence

from pydantic import Field

from mixtures.csv_level import csv_level
from mixtures.csv_rows import csv_number, csv_rows
from mixtures.factor_levels import levels_of_request
from mixtures.factors import Level
from mixtures.flagged import FlaggedScore, aggregates_of, contradictions
from mixtures.mixture import SUM_TOLERANCE, Mixture
from mixtures.study import StudySpec
from mixtures.told import require_scores_fit
from mixtures.trial import Score
from mixtures.value import InvalidField, Value

# Tables are written with two or three digits: a sum this far from 1 is rounding, not a mistake.
SUM_SLACK = 0.02
_SHARE, _SCORE, _FACTOR = "share:", "score:", "factor:"
_LARGEST_SEED = 2**31 - 1


# What a column holds: ("share", source), ("score", benchmark, metric), ("seed",),
# ("factor", name), or ("beside", name): perhaps an aggregate of scores.
_Column = tuple[str, ...]


class ToldRow(Value):
    """One row: `line` is its place in the file, the header being line 1.

    `factors` has a level of every factor of the study: its own where the file gives none.
    `beside` holds what the file has in columns that are no benchmark's. `flagged` says which stored
    aggregate is not what its parts say; a row that has one in `beside` is not to be taken in.
    """

    line: int
    shares: dict[str, float]
    seed: int
    scores: tuple[Score, ...]
    factors: dict[str, Level] = Field(default={})
    beside: dict[str, float] = Field(default={})
    flagged: FlaggedScore | None = None

    @property
    def is_unusable(self) -> bool:
        return self.flagged is not None and self.flagged.benchmark in self.beside


def read_trials(text: str, study: StudySpec) -> list[ToldRow]:
    """The rows; raises InvalidField at the first that is wrong, its field `line N.COLUMN`.

    A row without a seed takes the next of those that its mixture has not had: rows that repeat a
    mixture are repeats.
    """
    rows = csv_rows(text)
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
    return _with_flags(found, columns, study)


def _with_flags(rows: list[ToldRow], columns: Sequence[_Column], study: StudySpec) -> list[ToldRow]:
    """Raises InvalidField where a column that is no benchmark's is no aggregate of these either."""
    metric = study.objective.metric
    told = {
        str(row.line): {
            **{one.benchmark: one.value for one in row.scores if one.metric == metric},
            **row.beside,
        }
        for row in rows
    }
    found = {one.column for one in aggregates_of(told)} if rows else set()
    for column in columns:
        if column[0] == "beside" and column[1] not in found:
            raise _no_such_column(column[1], study)
    wrong = {one.trial_id: one for one in contradictions(told)} if found else {}
    return [row.model_copy(update={"flagged": wrong.get(str(row.line))}) for row in rows]


def _no_such_column(name: str, study: StudySpec) -> InvalidField:
    sources = [source.name for source in study.sources]
    benchmarks = [benchmark.name for benchmark in study.benchmarks]
    return InvalidField(
        "line 1",
        name,
        f"no column has this name, and it is no mean or sum of the others; there are seed, sources "
        f"{sources} and benchmarks {benchmarks}, as {_SHARE}NAME and {_SCORE}NAME where a name is "
        f"both, and factors {[axis.name for axis in study.axes]}",
    )


def _columns(header: Sequence[str], study: StudySpec) -> list[_Column]:
    sources = [source.name for source in study.sources]
    benchmarks = [benchmark.name for benchmark in study.benchmarks]
    axes = [str(axis.name) for axis in study.axes]
    found: list[_Column] = []
    for cell in header:
        name = cell.strip()
        if name == "seed":
            column: _Column = ("seed",)
        elif name.startswith(_FACTOR) or name in axes:
            column = ("factor", name.removeprefix(_FACTOR))
            if column[1] not in axes:
                raise InvalidField(
                    "line 1",
                    name,
                    f"names no factor of the study; there are {sorted(axes)}. A factor is given "
                    "with its levels in space.factors",
                )
        elif name.removeprefix(_SHARE) in sources and (
            name.startswith(_SHARE) or name not in benchmarks
        ):
            column = ("share", name.removeprefix(_SHARE))
        else:
            benchmark, _, metric = name.removeprefix(_SCORE).partition(":")
            if benchmark in benchmarks and not (benchmark in sources and _SCORE not in name):
                column = ("score", benchmark, metric or study.objective.metric)
            else:
                column = ("beside", name)
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
    scores, beside, seed = [], {}, None
    factors: dict[str, Level] = {}
    for cell, name, column in zip(row, header, columns, strict=True):
        if not cell.strip() and column[0] != "share":
            continue
        if column[0] == "factor":
            factors[column[1]] = csv_level(study, column[1], cell, f"line {line}.{name.strip()}")
            continue
        value = csv_number(cell, f"line {line}.{name.strip()}")
        if column[0] == "share":
            if not 0 <= value <= 1 + SUM_SLACK:
                raise InvalidField(f"line {line}.{name.strip()}", cell, "expected a share, 0 to 1")
            shares[column[1]] = value
        elif column[0] == "score":
            scores.append(Score(benchmark=column[1], metric=column[2], value=value))
        elif column[0] == "beside":
            beside[column[1]] = value
        else:
            if value != int(value) or not 0 <= value <= _LARGEST_SEED:
                raise InvalidField(f"line {line}.seed", cell, "expected a whole number from 0")
            seed = int(value)
    factors = levels_of_request(study, factors)
    total = math.fsum(shares.values())
    if abs(total - 1) > SUM_SLACK:
        # The likeliest reason: a source's name misspelt.
        others = f"; no source is called {', '.join(map(repr, beside))}" if beside else ""
        raise InvalidField(
            f"line {line}",
            total,
            f"the shares sum to {total:.6g}, expected 1 within {SUM_SLACK:g}{others}",
        )
    if abs(total - 1) > SUM_TOLERANCE:
        shares = {name: round(share / total, 12) for name, share in shares.items()}
    mixture = Mixture(shares=shares)
    try:
        require_scores_fit(study, scores)
    except InvalidField as error:
        raise InvalidField(f"line {line}", error.value, str(error)) from error
    if seed is None:
        taken = {
            one.seed for one in before if one.shares == mixture.shares and one.factors == factors
        }
        seed = next(number for number in range(len(taken) + 1) if number not in taken)
    return ToldRow(
        line=line,
        shares=mixture.shares,
        seed=seed,
        scores=tuple(scores),
        factors=factors,
        beside=beside,
    )
