"""Text that people send, broken in any way: YAML, JSON, CSV and JSON lines are read, or refused by
name; nothing else ever comes of them.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mixtures.finished_trials import read_finished
from mixtures.own_tables import BadTable, read_mixtures, read_scores
from mixtures.study import StudySpec
from mixtures.trials_csv import read_trials
from mixtures.value import InvalidField
from service.body import parse_json, parse_yaml
from service.errors import BadInput
from service.examples import STUDY_EXAMPLE, STUDY_EXAMPLE_YAML
from service.study_draft import draft_of_text
from tests.mixtures.outside_study import make_outside_study
from workers.pool import DataError
from workers.records import read_records

# What has broken parsers before, others' and ours.
_NASTY = [
    *("\x00", "\ufeff", "\r", "\n", "\t", '"', "'", ",", ";", ":", "- ", "? ", "#", "|", ">"),
    *("{", "}", "[", "]", "&a", "*a", "<<", "!!python/object:os.system", "%YAML 9.9", "---"),
    *("nan", "inf", "-0", "1e999", "0x10", "1_000", "٣", "½", "true", "null", "~", "=1+1"),
    *("2024-02-30", "1:60:60", "\U0001f980", "e\u0301", "\u2028", "<digits>", "<long>"),
]
# Written out only where they are put in: hypothesis shows what it draws.
_LONG = {"<digits>": "9" * 5000, "<long>": "x" * 140_000}
_Edit = tuple[int, int, str]
_EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.integers(0, 40), st.sampled_from(_NASTY) | st.text(max_size=8)
    ),
    min_size=1,
    max_size=6,
)
QUICK = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def broken(text: str, edits: list[_Edit]) -> str:
    """`text` with pieces of it taken out and others put in."""
    for place, num, piece in edits:
        at = place % (len(text) + 1)
        text = text[:at] + _LONG.get(piece, piece) + text[at + num :]
    return text


@QUICK
@given(_EDITS)
def test_any_yaml_or_json_is_a_study_or_refused_by_name(edits: list[_Edit]) -> None:
    for text, parse in (
        (STUDY_EXAMPLE_YAML, parse_yaml),
        (json.dumps(STUDY_EXAMPLE), parse_json),
    ):
        try:
            StudySpec.model_validate(parse(broken(text, edits)))
        except BadInput as error:
            assert error.field and error.message
        except ValidationError as error:
            assert error.errors()


@QUICK
@given(_EDITS)
def test_any_draft_is_answered(edits: list[_Edit]) -> None:
    draft = draft_of_text(broken(STUDY_EXAMPLE_YAML, edits))
    assert draft.errors or draft.yaml


_TRIALS = "seed,web,books,chat,proofs,math,code\n7,0.5,0.1,0.3,0.1,2.5,1.5\n8,1,0,0,0,2.25,1.25\n"
_FINISHED = (
    "trial_id,state,seed,sft_share,share:web,share:books,share:chat,share:proofs,score:math:loss\n"
    "abc,COMPLETE,1,0.5,0.25,0.25,0.25,0.25,1.5\n"
)


@QUICK
@given(_EDITS)
@pytest.mark.parametrize(
    ("text", "read", "refusal"),
    [
        (_TRIALS, lambda text: read_trials(text, make_outside_study()), InvalidField),
        (
            _FINISHED,
            lambda text: read_finished(text, make_outside_study(), "study", {}),
            InvalidField,
        ),
        ("id,web,chat\na,0.5,0.5\nb,1,0\n", lambda text: read_mixtures(text, "m.csv"), BadTable),
        ("id,loss,acc\na,1.5,0.5\nb,2,0\n", lambda text: read_scores(text, "s.csv"), BadTable),
    ],
    ids=["trials", "finished", "mixtures", "scores"],
)
def test_any_csv_is_read_or_refused_with_its_place(
    text: str, read: Callable[[str], Any], refusal: type[Exception], edits: list[_Edit]
) -> None:
    try:
        read(broken(text, edits))
    except refusal as error:
        assert str(error)


@QUICK
@given(_EDITS)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"text": "One."}\n{"text": "Two."}\n{"text": 3}\n'),
        ("a.json", '[{"text": "One."}, {"text": "Two."}]'),
        ("a.csv", "text,answer\nOne.,1\nTwo.,2\n"),
        ("a.tsv", "text\tanswer\nOne.\t1\nTwo.\t2\n"),
    ],
)
def test_any_data_file_is_read_or_refused_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str, edits: list[_Edit]
) -> None:
    folder = tmp_path_factory.mktemp("data")
    (folder / name).write_bytes(broken(text, edits).encode("utf-8", "surrogatepass"))
    try:
        for place, record in read_records(folder / name, name, "files", folder):
            assert place and isinstance(record, dict)
    except DataError as error:
        assert error.value == name and error.message
