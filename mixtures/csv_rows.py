"""Rows of a CSV that somebody sent."""

import csv
import io

from mixtures.value import InvalidField


def csv_rows(text: str) -> list[list[str]]:
    """All rows, the header first; raises InvalidField at a line that is no CSV."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        return list(reader)
    except csv.Error as error:
        # A field of more than 131,072 characters, say.
        raise InvalidField(f"line {reader.line_num}", None, f"no CSV: {error}") from error
