"""Where items are kept: `home/trials/TRIAL_ID/items.parquet`, some bytes an item.

Their texts, which all trials of a study share, are in `home/item_texts/HASH.parquet`, named by what
made them; the trial's file says which. Parquet, because it is small and read everywhere. The same
trial run twice writes the same bytes. Files are whole or not there.

The controller reads them, so nothing here imports torch; pyarrow is imported where it is used.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mixtures.item import ItemScore, ItemText
from mixtures.value import Value
from workers.tensor_file import write_atomically

TRIALS, ITEMS, TEXTS = "trials", "items.parquet", "item_texts"
_TEXTS_KEY = b"decaymix_item_texts"
_FORMAT_KEY = b"decaymix_items_format"
# Bump when the code makes other texts of the same items.
FORMAT = 2


class KeptItems(NamedTuple):
    """A trial's items and their texts by (benchmark, item); no texts where their file is gone."""

    scores: tuple[ItemScore, ...]
    texts: dict[tuple[str, int], ItemText]


class ItemsDamaged(ValueError):
    """A file of items that cannot be read; the message says which and why."""


def write_item_scores(
    home: Path, trial_id: str, scores: Sequence[ItemScore], texts_hash: str
) -> Path:
    """Atomically; a second attempt writes the same bytes over those of the first."""
    import pyarrow as pa

    path = home / TRIALS / trial_id / ITEMS
    schema = pa.schema(
        [
            ("benchmark", pa.string()),
            ("item", pa.int32()),
            ("nats", pa.float64()),
            ("answer_bytes", pa.int32()),
            ("chosen", pa.int16()),
            ("written", pa.string()),
            ("is_right", pa.bool_()),
        ],
        metadata={_FORMAT_KEY: str(FORMAT).encode(), _TEXTS_KEY: texts_hash.encode()},
    )
    _write(path, scores, schema)
    return path


def write_item_texts(home: Path, texts_hash: str, make: Callable[[], Sequence[ItemText]]) -> None:
    """The texts that `make` gives, once: a file of this name is never written again."""
    import pyarrow as pa

    path = _texts_path(home, texts_hash)
    if path.exists():
        return
    schema = pa.schema(
        [
            ("benchmark", pa.string()),
            ("item", pa.int32()),
            ("prompt", pa.string()),
            ("answer", pa.string()),
            ("choices", pa.list_(pa.string())),
        ]
    )
    _write(path, make(), schema)


def read_items(home: Path, trial_id: str) -> KeptItems | None:
    """All of a trial's, in the order of its benchmarks; None where none were kept.

    Raises ItemsDamaged.
    """
    path = home / TRIALS / trial_id / ITEMS
    if not path.is_file():
        return None
    table = _read(path)
    scores = tuple(ItemScore.model_validate(row) for row in table.to_pylist())
    found = (table.schema.metadata or {}).get(_TEXTS_KEY, b"").decode()
    texts_path = _texts_path(home, found)
    rows = _read(texts_path).to_pylist() if found and texts_path.is_file() else []
    texts = {(row["benchmark"], row["item"]): ItemText.model_validate(row) for row in rows}
    return KeptItems(scores, texts)


def _texts_path(home: Path, texts_hash: str) -> Path:
    return home / TEXTS / f"{texts_hash}.parquet"


def _write(path: Path, rows: Sequence[Value], schema: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([row.model_dump(mode="python") for row in rows], schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(
        path,
        lambda partial: pq.write_table(
            table, partial, compression="zstd", write_page_checksum=True
        ),
    )


def _read(path: Path) -> Any:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        return pq.read_table(path, page_checksum_verification=True)
    except (ArrowException, OSError) as error:
        raise ItemsDamaged(f"{path.name} of {path.parent.name} cannot be read: {error}") from error
