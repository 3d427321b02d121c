"""Data files that come over REST: taken in whole or not at all, under the home.

They lie beside each other in one folder, which is searched after the data roots: a study names one
as it names any file.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn

from mixtures.value import Value
from service.errors import BadInput, TooLarge
from service.settings import Settings

UPLOAD_PATH = "/v1/sources"
# What a listing shows of folders with very many files.
MOST_LISTED = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_SUFFIX = re.compile(r"\.(?:(?:jsonl|ndjson|json|csv|tsv|txt|text|md)(?:\.gz|\.zst)?|parquet)$")


class DataFile(Value):
    """A file that a study can name. `place`: uploaded, or under a data root."""

    name: str
    place: str
    num_bytes: int


def list_files(settings: Settings) -> list[DataFile]:
    """The data files of all roots by name, at most a thousand; the first root of a name wins."""
    found: dict[str, DataFile] = {}
    for name, place, path in files_of_roots(settings):
        if _SUFFIX.search(path.name) and not path.name.startswith(".") and name not in found:
            found[name] = DataFile(name=name, place=place, num_bytes=path.stat().st_size)
        if len(found) >= MOST_LISTED:
            break
    return sorted(found.values(), key=lambda one: one.name)


def files_of_roots(settings: Settings) -> Iterator[tuple[str, str, Path]]:
    """(name in a study, place, path) of every file that is searched for, root by root, sorted."""
    for root in settings.searched_roots:
        place = "uploaded" if root == settings.uploads else "data root"
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(one for one in folders if not one.startswith("."))
            for file in sorted(files):
                path = Path(folder) / file
                yield path.relative_to(root).as_posix(), place, path


def refuse_another(name: str) -> NoReturn:
    """Raises BadInput: an upload never takes the place of another file."""
    raise BadInput(
        "name",
        name,
        "another file of this name was uploaded before, and studies may use it; choose a new name",
    )


def require_name(name: str) -> None:
    """Raises BadInput where a file must not be called that."""
    if not _NAME.fullmatch(name) or not _SUFFIX.search(name):
        raise BadInput(
            "name",
            name,
            "give letters, digits, '_', '.' and '-', and an ending of a data file, "
            "e.g. sums.jsonl.gz",
        )


class Upload:
    """A file on its way in. `receive` it, look at `path`, then `keep` it or `discard` it."""

    def __init__(self, settings: Settings, name: str) -> None:
        """Raises BadInput where the name is no good."""
        require_name(name)
        self._folder, self._limit = settings.uploads, settings.max_upload_bytes
        self._final = self._folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        # A folder of its own, so that the file has its final name from the start.
        self._own = Path(tempfile.mkdtemp(prefix=".upload-", dir=self._folder))
        self.path = self._own / name
        self._digest = hashlib.sha256()

    async def receive(self, parts: AsyncIterator[bytes]) -> None:
        """Raises TooLarge over the limit, OSError where the disk is full."""
        size = 0
        with self.path.open("wb") as file:
            async for part in parts:
                size += len(part)
                if size > self._limit:
                    raise TooLarge(
                        f"the file is over the limit of {self._limit} bytes "
                        "(DECAYMIX_MAX_UPLOAD_BYTES)"
                    )
                self._digest.update(part)
                file.write(part)
            file.flush()
            os.fsync(file.fileno())

    def keep(self) -> bool:
        """Put it in its place; False where the same file is there. Raises BadInput for another."""
        if self._final.exists():
            with self._final.open("rb") as file:
                is_same = hashlib.file_digest(file, "sha256").digest() == self._digest.digest()
            if not is_same:
                refuse_another(self._final.name)
            return False
        self.path.rename(self._final)
        return True

    def discard(self) -> None:
        """Remove what is not kept; always called."""
        self.path.unlink(missing_ok=True)
        self._own.rmdir()
