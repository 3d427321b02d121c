"""A table of trials says all that an answer reads, and a row of something else is refused."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mixtures.design import first_trials
from mixtures.finished_trials import FinishedTrial, TableRow, read_finished, trials_table
from mixtures.table_parts import table_parts
from mixtures.trial import ItemCounts, Score, TrialFailure, TrialResult, TrialState
from mixtures.value import InvalidField
from tests.db.made_up import make_result
from tests.mixtures.share_study import make_study

STUDY = make_study()
HASHES = {"sources.web": "ab"}
SPECS = first_trials(STUDY, "study-1", HASHES)
ENDED = datetime(2026, 11, 26, 1, 2, 3, 456789, tzinfo=UTC)


def result_of(number: int) -> TrialResult:
    """With numbers that few digits would not give back."""
    spec = SPECS[number]
    scores = tuple(
        Score(
            benchmark=one.name,
            metric=metric,
            value=(number + 1) / 3 - 1e-17 * at,
            num_items=100 + at,
            standard_error=None if metric == "acc" else 1 / (7 + at),
        )
        for at, one in enumerate(STUDY.benchmarks)
        for metric in ("bits_per_byte", "acc")
    )
    return make_result(spec.trial_id, 3, math=1.0).model_copy(
        update={
            "scores": scores,
            "source_tokens": {s.name: 10 * number + 1 for s in STUDY.sources},
            "items": {"math": ItemCounts(scored=5, contaminated=1, too_long=0, cut=2)},
            "wall_seconds": {"decay": 0.1 + 0.2},
        }
    )


def row(number: int, state: TrialState, **changes: object) -> TableRow:
    failure = TrialFailure(
        trial_id=SPECS[number].trial_id,
        attempt=2,
        kind="not_finite",
        message="=loss, is nan\nat step 3",
        traceback="...",
    )
    made = TableRow(
        spec=SPECS[number],
        state=state,
        result=result_of(number) if state is TrialState.COMPLETE else None,
        failure=failure if state is TrialState.FAILED else None,
        chosen_by=None,
        started_at=ENDED,
        finished_at=ENDED,
        note="",
        tags=(),
    )
    return made.model_copy(update=changes)


def read(text: str, **changes: str) -> list[FinishedTrial]:
    return read_finished(text, STUDY, changes.get("study_id", "study-1"), HASHES)


def table(*rows: TableRow) -> str:
    return trials_table(STUDY, rows)


def test_what_has_ended_comes_back_to_the_last_digit() -> None:
    text = table(
        row(0, TrialState.COMPLETE, note='"=odd"', tags=("a", "b"), chosen_by="expected gain"),
        row(1, TrialState.RUNNING),
        row(2, TrialState.FAILED),
        row(3, TrialState.WAITING, started_at=None, finished_at=None),
        row(4, TrialState.CANCELLED, note="'+1"),
    )
    first, second, third = read(text)
    assert [(one.line, one.state) for one in (first, second, third)] == [
        (2, "COMPLETE"),
        (4, "FAILED"),
        (6, "CANCELLED"),
    ]
    assert [one.spec for one in (first, second, third)] == [SPECS[0], SPECS[2], SPECS[4]]
    kept = result_of(0).model_copy(update={"attempt": 1, "curve": (), "rates": ()})
    assert first.result is not None
    assert first.result.model_copy(update={"scores": ()}) == kept.model_copy(update={"scores": ()})
    assert set(first.result.scores) == set(kept.scores)
    assert (first.note, first.tags, first.chosen_by) == ('"=odd"', ("a", "b"), "expected gain")
    assert (first.started_at, first.finished_at) == (ENDED, ENDED)
    assert second.failure is not None
    assert (second.failure.kind, second.failure.message) == (
        "not_finite",
        "=loss, is nan\nat step 3",
    )
    assert third.note == "'+1"


def changed(column: str, value: str) -> str:
    """The table of one completed trial with another cell."""
    header, cells = csv.reader(io.StringIO(table(row(0, TrialState.COMPLETE))))
    cells[header.index(column)] = value
    text = io.StringIO()
    csv.writer(text).writerows([header, cells])
    return text.getvalue()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: changed("seed", "7"), "line 2.trial_id"),
        (lambda: changed("seed", "one"), "line 2.seed"),
        (lambda: changed("state", "DONE"), "line 2.state"),
        (lambda: changed("share:web", "2"), "line 2.shares.web"),
        (lambda: changed("share:web", ""), "line 2.share:web"),
        (lambda: changed("score:math:bits_per_byte", "nan"), "line 2.score:math:bits_per_byte"),
        (lambda: changed("score:math:bits_per_byte", ""), "line 2.score:"),
        (lambda: changed("num_items:math:acc", "0"), "line 2.num_items:math:acc"),
        (lambda: changed("result", "{"), "line 2.result"),
        (lambda: changed("result", '{"curve": []}'), "line 2.result"),
        (lambda: changed("finished_at", "2026-11-26"), "line 2.finished_at"),
        (lambda: table().replace("share:web", "share:wiki"), "line 1"),
        (lambda: table().replace("note", "notes"), "line 1"),
        (lambda: table().replace("note", "seed"), "line 1"),
        (lambda: table() + "one,two\n", "line 2"),
        (lambda: table() + "x" * 200_000, "line 2"),
        (lambda: changed("result", "[" * 100_000), "line 2.result"),
        (lambda: changed("num_items:math:acc", "3000000000"), "line 2.num_items:math:acc"),
        (lambda: changed("finished_at", "0001-01-01T00:00:00+14:00"), "line 2.finished_at"),
        (lambda: changed("tags", '{"a": 1}'), "line 2.tags"),
        (lambda: "", "(body)"),
    ],
)
def test_a_row_that_is_none_of_the_studys_is_refused_with_line_and_column(
    make: Callable[[], str], field: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        read(make())
    assert caught.value.field == field


def test_a_table_of_another_study_is_refused() -> None:
    with pytest.raises(InvalidField, match="of no trial of this study") as caught:
        read(table(row(0, TrialState.COMPLETE)), study_id="study-2")
    assert caught.value.field == "line 2.trial_id"
    assert caught.value.value == SPECS[0].trial_id


def test_a_long_table_goes_in_parts_that_know_their_lines() -> None:
    text = table(*(row(number, TrialState.COMPLETE) for number in range(5)))
    whole = read(text)
    parts = list(table_parts(text, 3000))
    assert len(parts) > 1
    found = [
        one
        for first_line, part in parts
        for one in read_finished(part, STUDY, "study-1", HASHES, first_line)
    ]
    assert found == whole
    assert [one.line for one in found] == [2, 3, 4, 5, 6]
