"""Data sets that Hugging Face `datasets` keeps: saved to disk, or fetched once from the hub.

Nothing is written outside the home: what comes from the hub is saved below it, and the user's own
caches are neither read nor written. `datasets` is imported late, it takes a second and a half.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixtures.source import HubDataset
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once
from workers.files import DataError


def read_saved(
    folder: Path, name: str, split: str | None, field: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """("row 1", record) and so on of a folder that `save_to_disk` wrote; raises DataError."""
    from datasets import Dataset, DatasetDict, load_from_disk
    from pyarrow import ArrowException

    row = 0
    try:
        found = load_from_disk(str(folder))
        data = _chosen(found, split, field) if isinstance(found, DatasetDict) else found
        assert isinstance(data, Dataset)
        if split is not None and data is found and str(data.split) != split:
            raise DataError(f"{field}.split", split, f"{name} holds one data set without splits")
        for row, record in enumerate(data, start=1):
            yield f"row {row}", record
    except (ArrowException, OSError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            field, name, f"not a data set saved to disk, or broken after row {row}: {error}"
        ) from error


def fetched(hub: HubDataset, split: str | None, home: Path, field: str) -> Path:
    """The folder under `home` that holds the hub's data set, fetched if missing.

    Raises DataError where it cannot be: no network, no such name, no such split.
    """

    def build(folder: Path) -> None:
        from datasets import DownloadConfig, load_dataset

        downloads = folder / "downloads"
        try:
            data = load_dataset(
                hub.path,
                hub.config,
                revision=hub.revision,
                split=split,
                cache_dir=str(downloads),
                download_config=DownloadConfig(cache_dir=str(downloads)),
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(
                f"{field}.hub",
                hub.path,
                f"cannot be fetched from the Hugging Face hub: {error}. Without a network, save it "
                "elsewhere with save_to_disk and name its folder in `saved`",
            ) from error
        data.save_to_disk(str(folder / "saved"))
        shutil.rmtree(downloads, ignore_errors=True)

    asked = hash_text(canonical_json([hub.model_dump(mode="json"), split]))
    return built_once(home / "hub" / asked, build) / "saved"


def _chosen(splits: Any, split: str | None, field: str) -> Any:
    names = sorted(splits)
    if split is None and len(names) == 1:
        return splits[names[0]]
    if split not in splits:
        raise DataError(f"{field}.split", str(split), f"give one of its splits: {names}")
    return splits[split]
