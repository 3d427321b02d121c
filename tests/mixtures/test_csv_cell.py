"""No cell of text begins a formula, and every text comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.csv_cell import guarded, unguarded


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+2", "'+1+2"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        # Numbers are no formulas, and a spreadsheet should take them as numbers.
        ("-1.5e-3", "-1.5e-3"),
        ("+2", "+2"),
        (-1.5, -1.5),
        (None, None),
        ("a=1", "a=1"),
        ("'quoted'", "'quoted'"),
        ("", ""),
    ],
)
def test_what_would_be_a_formula_is_text(cell: object, written: object) -> None:
    assert guarded(cell) == written


@given(st.text(alphabet="=+-@'\t\ra1 ", max_size=6) | st.text())
def test_a_text_comes_back_through_a_file(text: str) -> None:
    written = guarded(text)
    assert isinstance(written, str)
    assert written[:1] not in ("=", "@", "\t", "\r")
    file = io.StringIO()
    csv.writer(file).writerow([written, "end"])
    ((cell, _),) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert unguarded(cell) == text
