"""The controller's files for workers on other machines: looked up, read in pieces, taken in.

The other end of `workers/shelf.py`. It runs on the controller's machine, in a process that Ray
starts there, and reaches no further than data files do: below the data roots, and in the home below
the folders that trials write to.
"""

import hashlib
import shutil
import time
from pathlib import Path, PurePosixPath

from mixtures.value import hash_text
from workers.artifact import built_once
from workers.files import DataError, find_any, find_files
from workers.shelf import CLAIM_SECONDS, PIECE_BYTES, Claim, Held

# What workers may write, and read back, in the controller's home.
_OPEN = ("trials", "item_texts", "stable", "logs")


class Depot:
    """One for all machines. A file's hash is computed once, while size and time stay the same."""

    def __init__(self, home: Path, data_roots: tuple[Path, ...]) -> None:
        self._home, self._data_roots = home, data_roots
        self._hashes: dict[tuple[Path, int, int], str] = {}
        self._by_hash: dict[str, Path] = {}
        self._claims: dict[str, tuple[str, float]] = {}

    def files(self, name: str) -> list[Held]:
        """The file `name`, those that match it as a glob, or all of the folder `name`, by their
        names under a data root; none where a lookup here would fail as well.
        """
        try:
            path = find_any(name, self._data_roots, "files")
            if path is None:
                found = find_files(name, self._data_roots, "files")
                return [self._held(one, path) for one, path in found]
        except DataError:
            return []
        plain = PurePosixPath(name).as_posix()
        return self._all_of(path, f"{plain}/") if path.is_dir() else [self._held(plain, path)]

    def built(self, name: str) -> list[Held]:
        """The files of a folder of the home, or the one file, by their names in it."""
        path = self._inside(name)
        if path.is_file():
            return [self._held(path.name, path)]
        return self._all_of(path, "") if path.is_dir() else []

    def piece(self, sha256: str, offset: int) -> bytes:
        """At most PIECE_BYTES of a file that was looked up; raises KeyError for another."""
        with self._by_hash[sha256].open("rb") as stream:
            stream.seek(offset)
            return stream.read(PIECE_BYTES)

    def keep(self, name: str, who: str, offset: int, piece: bytes, is_last: bool) -> None:
        """Take in a file, piece by piece; it has its name once it is whole. Two that send the same
        do not get into each other's way.
        """
        path = self._inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{hash_text(who, 8)}.arriving")
        with partial.open("r+b" if offset else "wb") as stream:
            stream.seek(offset)
            stream.write(piece)
        if is_last:
            partial.replace(path)

    def keep_folder(self, name: str) -> None:
        """A folder whose files have all arrived gets its name; of two equal ones the first."""
        path = self._inside(name)
        arrived = path.with_name(f"{path.name}.arriving")

        def take(folder: Path) -> None:
            for file in arrived.iterdir():
                file.rename(folder / file.name)

        # As a build of this machine: one at a time, with hashes that a damage is found by.
        built_once(path, take)
        shutil.rmtree(arrived)
        self._claims.pop(name, None)

    def add_lines(self, name: str, text: bytes) -> None:
        """To the end of a log."""
        path = self._inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.write(text)

    def claim(self, name: str, who: str) -> Claim:
        """Whether `who` builds what is not there yet, or waits for another who does."""
        if self._inside(name).is_dir():
            return "there"
        builder, until = self._claims.get(name, (who, 0.0))
        if builder != who and until > time.monotonic():
            return "wait"
        self._claims[name] = (who, time.monotonic() + CLAIM_SECONDS)
        return "build"

    def _all_of(self, folder: Path, prefix: str) -> list[Held]:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return [self._held(prefix + path.relative_to(folder).as_posix(), path) for path in paths]

    def _held(self, name: str, path: Path) -> Held:
        about = path.stat()
        key = (path, about.st_size, about.st_mtime_ns)
        if key not in self._hashes:
            with path.open("rb") as stream:
                self._hashes[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        sha256 = self._hashes[key]
        self._by_hash[sha256] = path
        return Held(name, about.st_size, sha256)

    def _inside(self, name: str) -> Path:
        parts = PurePosixPath(name)
        if ".." in parts.parts or parts.parts[:1] not in {(one,) for one in _OPEN}:
            raise ValueError(f"{name!r} is not below {', '.join(_OPEN)} of the home")
        return self._home / parts
