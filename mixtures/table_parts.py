"""A long table in parts that a controller's limit on a body lets through."""

import csv
import io
from collections.abc import Iterator, Sequence

from mixtures.csv_rows import csv_rows

# Below DECAYMIX_MAX_BODY_BYTES as it is by default.
PART_BYTES = 1_000_000


def table_parts(text: str, most_bytes: int = PART_BYTES) -> Iterator[tuple[int, str]]:
    """(line of its first row, table) of parts that are no longer, each with the header; raises
    InvalidField where it is no table.
    """
    rows = csv_rows(text)
    part: list[list[str]] = []
    size, first = 0, 2
    for line, row in enumerate(rows[1:], start=2):
        length = len(_written([row]).encode())
        if part and size + length > most_bytes:
            yield first, _written([rows[0], *part])
            part, size, first = [], 0, line
        part.append(row)
        size += length
    if rows:
        yield first, _written([rows[0], *part])


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
