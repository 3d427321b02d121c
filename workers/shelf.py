"""What a worker on another machine takes from the controller's, and what it gives back.

Such a worker has a home and a disk of its own. Data files and checkpoints come from the controller
when they are first needed, named by the SHA-256 of their content, once for all workers of the
machine: `home/fetched/HASH`, checked before it gets that name. They are linked into `home/data`
under their own names, which is the worker's data root. What a trial leaves behind goes back.

A worker process that shares the controller's home uses none of this: then nothing is `in_use`.
"""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from filelock import FileLock

# Of a file, on its way through Ray's object store, which is 100 MB where the controller starts it.
PIECE_BYTES = 8_000_000
# Who builds a checkpoint for all says so again in this time, or another machine builds it.
CLAIM_SECONDS = 60.0
_ASK_AGAIN_SECONDS = 2.0
_DATA, _FETCHED = "data", "fetched"


class FetchDamaged(OSError):
    """What arrived is not what was sent for."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file of the controller's machine: its name under a data root or a folder, and content."""

    name: str
    num_bytes: int
    sha256: str


Claim = Literal["there", "build", "wait"]


class Controllers(Protocol):
    """The controller's machine, seen from another: `workers.depot.Depot`, or Ray's way to it."""

    def files(self, name: str) -> list[Held]: ...

    def built(self, name: str) -> list[Held]: ...

    def piece(self, sha256: str, offset: int) -> bytes: ...

    def keep(self, name: str, who: str, offset: int, piece: bytes, is_last: bool) -> None: ...

    def keep_folder(self, name: str) -> None: ...

    def add_lines(self, name: str, text: bytes) -> None: ...

    def claim(self, name: str, who: str) -> Claim: ...


@dataclass(slots=True)
class Shelf:
    """One machine's files of the controller; `who` names the process where it builds for all."""

    home: Path
    controllers: Controllers
    who: str
    # Texts of items that the controller is known to have: all trials of a study share theirs.
    _given: set[str] = field(default_factory=set, init=False)
    # Packed trials end in threads of their own.
    _giving: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def data_root(self) -> Path:
        return self.home / _DATA

    def bring(self, name: str) -> None:
        """A file, a folder or all that match a glob, under the data root; nothing where the
        controller has none.
        """
        for held in self.controllers.files(name):
            fetched, link = self._fetched(held), self.data_root / held.name
            if link.exists() and link.samefile(fetched):
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            draft = link.with_name(f".{link.name}.{os.getpid()}.partial")
            draft.unlink(missing_ok=True)
            os.link(fetched, draft)
            # Another content of the same name is replaced: each study pins the one that it reads.
            draft.replace(link)

    def _fetched(self, held: Held) -> Path:
        path = self.home / _FETCHED / held.sha256
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            if not path.exists():
                partial = path.with_name(f"{path.name}.partial")
                self._fetch(held, partial)
                partial.chmod(0o444)
                partial.rename(path)
        return path

    def _fetch(self, held: Held, to: Path) -> None:
        """Raises FetchDamaged."""
        digest = hashlib.sha256()
        with to.open("wb") as stream:
            for offset in range(0, held.num_bytes, PIECE_BYTES):
                piece = self.controllers.piece(held.sha256, offset)
                digest.update(piece)
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        if digest.hexdigest() != held.sha256:
            to.unlink()
            raise FetchDamaged(f"{held.name} arrived with another content; it changed meanwhile")

    def built_for_all(
        self, name: str, folder: Path, build: Callable[[Callable[[], None]], None]
    ) -> None:
        """Fill `folder` with what the controller has built as `name`, or build it for everybody.

        `build` is given what it must call now and then while it works.
        """
        while (claim := self.controllers.claim(name, self.who)) == "wait":
            time.sleep(_ASK_AGAIN_SECONDS)
        if claim == "there":
            for held in self.controllers.built(name):
                self._fetch(held, folder / held.name)
            return
        claimed_at = time.monotonic()

        def goes_on() -> None:
            nonlocal claimed_at
            if time.monotonic() - claimed_at > CLAIM_SECONDS / 4:
                self.controllers.claim(name, self.who)
                claimed_at = time.monotonic()

        build(goes_on)
        for path in sorted(folder.iterdir()):
            self._send(path, f"{name}.arriving/{path.name}")
        self.controllers.keep_folder(name)

    def give_back(self, trial_id: str) -> None:
        """What a trial has left in this home: weights, items and their texts, its log."""
        with self._giving:
            self._give_back(trial_id)

    def _give_back(self, trial_id: str) -> None:
        for path in sorted((self.home / "trials" / trial_id).glob("*")):
            self._send(path, f"trials/{trial_id}/{path.name}")
        for path in sorted((self.home / "item_texts").glob("*.parquet")):
            if path.name in self._given:
                continue
            if not self.controllers.built(f"item_texts/{path.name}"):
                self._send(path, f"item_texts/{path.name}")
            self._given.add(path.name)
        log = self.home / "logs" / "trials" / f"{trial_id}.log"
        if log.exists():
            self.controllers.add_lines(f"logs/trials/{trial_id}.log", log.read_bytes())
            log.unlink()
        shutil.rmtree(self.home / "trials" / trial_id, ignore_errors=True)

    def _send(self, path: Path, name: str) -> None:
        num_bytes = path.stat().st_size
        with path.open("rb") as stream:
            for offset in range(0, max(num_bytes, 1), PIECE_BYTES):
                piece = stream.read(PIECE_BYTES)
                is_last = offset + len(piece) >= num_bytes
                self.controllers.keep(name, self.who, offset, piece, is_last)


_IN_USE: list[Shelf] = []


def use(shelf: Shelf | None) -> None:
    """From now on this process finds its files by it; None: it shares the controller's home."""
    _IN_USE[:] = [] if shelf is None else [shelf]


def in_use() -> Shelf | None:
    return _IN_USE[0] if _IN_USE else None
