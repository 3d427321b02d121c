"""A study's trials as a table that can be taken in again: all that a fit reads, to the last digit.

A row is known by its content: mixture, seed and levels of the factors make the same trial in any
home that has the same study on the same data. Numbers are written so that they come back as they
were. Learning curves and rates are left out, which no answer reads.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from mixtures.csv_cell import guarded, unguarded
from mixtures.csv_rows import csv_rows
from mixtures.design import trials_of_request
from mixtures.finished_cells import (
    MOST_TOKENS,
    Cells,
    levels,
    number,
    require_header,
    when,
    whole,
)
from mixtures.labels import Tag
from mixtures.study import StudySpec
from mixtures.told import require_scores_fit
from mixtures.trial import (
    Score,
    TrialFailure,
    TrialRequest,
    TrialResult,
    TrialSpec,
    TrialState,
)
from mixtures.value import InvalidField, Value, canonical_json

# A result's fields with columns of their own, or none: the rest stand as JSON in one cell.
_APART = {"trial_id", "attempt", "scores", "curve", "rates", "source_tokens"}
FIRST = ("trial_id", "state", "seed", "sft_share")
LAST = ("chosen_by", "started_at", "finished_at", "note", "tags", "failure", "message", "result")
_PER_SCORE = ("score", "standard_error", "num_items")


class TableRow(Value):
    """What is written of a trial, in whatever state it is."""

    spec: TrialSpec
    state: TrialState
    result: TrialResult | None
    failure: TrialFailure | None
    chosen_by: str | None
    started_at: datetime | None
    finished_at: datetime | None
    note: str
    tags: tuple[Tag, ...]


class FinishedTrial(TableRow):
    """One trial that has ended. `result` is there where it is COMPLETE, else `failure` may be."""

    line: int
    state: Literal[TrialState.COMPLETE, TrialState.FAILED, TrialState.CANCELLED]


def trials_table(study: StudySpec, rows: Sequence[TableRow]) -> str:
    """CSV, one line a trial, in the order given."""
    sources = [source.name for source in study.sources]
    pairs = sorted({(s.benchmark, s.metric) for row in rows for s in _scores(row)})
    axes = sorted({name for row in rows for name in row.spec.factors})
    header = [*FIRST, *(f"share:{name}" for name in sources), *(f"factor:{a}" for a in axes)]
    header += [f"tokens:{name}" for name in sources]
    header += [f"{part}:{name}:{metric}" for name, metric in pairs for part in _PER_SCORE]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(guarded, [*header, *LAST]))
    for row in rows:
        scores = {(one.benchmark, one.metric): one for one in _scores(row)}
        result, failure = row.result, row.failure
        cells: list[object] = [row.spec.trial_id, row.state.value, row.spec.seed]
        cells += [row.spec.sft_share, *(row.spec.mixture.shares.get(name) for name in sources)]
        cells += [_json(row.spec.factors.get(name)) for name in axes]
        cells += [result and result.source_tokens.get(name) for name in sources]
        for pair in pairs:
            one = scores.get(pair)
            cells += [one and one.value, one and one.standard_error, one and one.num_items]
        cells += [row.chosen_by, _iso(row.started_at), _iso(row.finished_at), row.note]
        cells += [_json(list(row.tags)) if row.tags else None]
        cells += [failure and failure.kind, failure and failure.message]
        rest = None if result is None else result.model_dump(mode="json", exclude=_APART)
        writer.writerow(map(guarded, [*cells, _json(rest)]))
    return text.getvalue()


def table_cells(text: str, study: StudySpec, where: str, first_line: int = 2) -> Iterator[Cells]:
    """The table's rows, empty ones left out. Raises InvalidField at a header that is not the
    study's, at a row that is not as long or in no state that there is, and at the field `where` if
    there is nothing at all.
    """
    rows = csv_rows(text)
    if not rows:
        raise InvalidField(where, None, "the file is empty; expected a header and rows")
    header = [unguarded(cell) for cell in rows[0]]
    require_header(header, study, (*FIRST, *LAST))
    for line, row in enumerate(rows[1:], start=first_line):
        if not any(row):
            continue
        if len(row) != len(header):
            raise InvalidField(f"line {line}", len(row), f"{len(row)} cells, not {len(header)}")
        cells = Cells(line, {k: unguarded(v) for k, v in zip(header, row, strict=True)})
        if cells["state"] not in list(TrialState):
            raise cells.wrong("state", f"expected one of {', '.join(TrialState)}")
        yield cells


def read_finished(
    text: str, study: StudySpec, study_id: str, data_hashes: dict[str, str], first_line: int = 2
) -> list[FinishedTrial]:
    """The trials that have ended; those that wait or ran are left out.

    `first_line` is the line of the first row where `text` is a part of a longer table. Raises
    InvalidField at the first row that is none of this study's, its field `line N.COLUMN`.
    """
    found = []
    for cells in table_cells(text, study, "(body)", first_line):
        if TrialState(cells["state"]).is_finished:
            found.append(_finished(cells, study, study_id, data_hashes))
    return found


def _finished(
    cells: Cells, study: StudySpec, study_id: str, data_hashes: dict[str, str]
) -> FinishedTrial:
    spec = _spec(cells, study, study_id, data_hashes)
    result, failure = None, None
    if cells["state"] == TrialState.COMPLETE:
        result = _result(cells, study, spec)
    elif cells["state"] == TrialState.FAILED:
        told = {"kind": cells["failure"], "message": cells["message"], "traceback": ""}
        try:
            failure = TrialFailure.model_validate({"trial_id": spec.trial_id, "attempt": 1, **told})
        except ValidationError as error:
            raise cells.wrong("failure", "expected the kind of its failure") from error
    try:
        return FinishedTrial.model_validate(
            {
                "line": cells.line,
                "spec": spec,
                "state": cells["state"],
                "result": result,
                "failure": failure,
                "chosen_by": cells["chosen_by"] or None,
                "started_at": when(cells, "started_at"),
                "finished_at": when(cells, "finished_at"),
                "note": cells["note"],
                "tags": cells.json("tags", []),
            }
        )
    except ValidationError as error:
        column = str(error.errors()[0]["loc"][0])
        raise cells.wrong(column, error.errors()[0]["msg"]) from error


def _spec(cells: Cells, study: StudySpec, study_id: str, data_hashes: dict[str, str]) -> TrialSpec:
    """By the row's content, which its id must fit."""
    shares = {s.name: number(cells, f"share:{s.name}") for s in study.sources}
    factors = levels(cells)
    seed = whole(cells, "seed")
    try:
        request = TrialRequest(shares=shares, seed=seed, factors=factors)
        (spec,) = trials_of_request(request, study, study_id, data_hashes)
    except InvalidField as error:
        raise InvalidField(f"line {cells.line}.{error.field}", error.value, str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "share"
        raise InvalidField(f"line {cells.line}.{where}", first["input"], first["msg"]) from error
    if cells["trial_id"] != spec.trial_id:
        raise cells.wrong(
            "trial_id",
            f"of no trial of this study: its mixture, seed and levels make {spec.trial_id} here; "
            "the table is of another study, or of other data",
        )
    return spec


def _result(cells: Cells, study: StudySpec, spec: TrialSpec) -> TrialResult:
    scores = []
    for name in cells.names("score:"):
        if not cells[f"score:{name}"]:
            continue
        benchmark, _, metric = name.partition(":")
        told: dict[str, Any] = {"benchmark": benchmark, "metric": metric}
        told["value"] = number(cells, f"score:{name}")
        if cells.get(column := f"standard_error:{name}"):
            told["standard_error"] = number(cells, column)
        if cells.get(column := f"num_items:{name}"):
            told["num_items"] = whole(cells, column)
        try:
            scores.append(Score.model_validate(told))
        except ValidationError as error:
            part = str(error.errors()[0]["loc"][0])
            part = "score" if part == "value" else part
            raise cells.wrong(f"{part}:{name}", error.errors()[0]["msg"]) from error
    try:
        require_scores_fit(study, scores)
    except InvalidField as error:
        raise InvalidField(f"line {cells.line}.score:", error.value, str(error)) from error
    tokens = {s.name: f"tokens:{s.name}" for s in study.sources}
    rest = cells.json("result", None)
    if not isinstance(rest, dict) or _APART & set(rest):
        raise cells.wrong("result", "expected what the export wrote there")
    try:
        return TrialResult.model_validate(
            {
                **rest,
                "trial_id": spec.trial_id,
                "attempt": 1,
                "scores": scores,
                "curve": (),
                "source_tokens": {
                    name: whole(cells, column, MOST_TOKENS)
                    for name, column in tokens.items()
                    if cells[column]
                },
            }
        )
    except ValidationError as error:
        raise cells.wrong("result", error.errors()[0]["msg"]) from error


def _scores(row: TableRow) -> tuple[Score, ...]:
    return () if row.result is None else row.result.scores


def _json(value: object) -> str | None:
    return None if value is None else canonical_json(json.loads(json.dumps(value)))


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
