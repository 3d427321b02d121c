"""Rows of a CSV that somebody sent, and the numbers in its cells."""

import csv
import io
import math

from mixtures.value import InvalidField


def csv_rows(text: str) -> list[list[str]]:
    """All rows, the header first; raises InvalidField at a line that is no CSV."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        return list(reader)
    except csv.Error as error:
        # A field of more than 131,072 characters, say.
        raise InvalidField(f"line {reader.line_num}", None, f"no CSV: {error}") from error


def csv_number(cell: str, field: str) -> float:
    """Raises InvalidField at `field` where the cell is no finite number."""
    try:
        value = float(cell)
    except ValueError as error:
        raise InvalidField(field, cell, "expected a number") from error
    if not math.isfinite(value):
        raise InvalidField(field, cell, "expected a finite number")
    return value
