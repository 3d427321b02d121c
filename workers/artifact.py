"""Anything costly and shared is built once and addressed by the hash of what made it.

A build writes into a folder beside its final place and is renamed when whole: a folder under its
final name is complete, and a half-written one is never used. Two trials that need the same
artifact wait for one build: the lock is the kernel's, so a killed builder lets it go.

The hash of each file is kept beside the folder. A process compares them at its first use: what a
disk has changed since is built anew.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

log = logging.getLogger(__name__)

# Folders that this process has compared: a gigabyte takes a second or two.
_compared: set[Path] = set()


def built_once(folder: Path, build: Callable[[Path], None], goes_on: bool = False) -> Path:
    """`folder`, made by `build(empty_folder)` if it is not there whole; safe across processes.

    A build that `goes_on` is given the folder as a killed one left it.
    """
    if is_whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if is_whole(folder):
            return folder
        if folder.exists():
            log.warning("%s is damaged, and is built anew: %s", folder, _damaged_file(folder))
            _put_away(folder)
        partial = folder.with_name(folder.name + ".partial")
        if not goes_on:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(exist_ok=goes_on)
        build(partial)
        _beside(folder).write_text(json.dumps(_hashes(partial)), encoding="utf-8")
        partial.rename(folder)
        _compared.add(folder)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether it is there as it was built; compared once in a process."""
    if not folder.exists():
        return False
    if folder not in _compared and _damaged_file(folder) is None:
        _compared.add(folder)
    return folder in _compared


def _damaged_file(folder: Path) -> str | None:
    """The first file that is not as it was built; None also where a release of before built it."""
    beside = _beside(folder)
    if not beside.exists():
        return None
    try:
        expected = dict(json.loads(beside.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return beside.name
    found = _hashes(folder)
    return next((name for name in sorted(expected) if found.get(name) != expected[name]), None)


def _beside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".sha256")


def _put_away(folder: Path) -> None:
    """Others may have its files mapped; these stay readable until they let go."""
    aside = folder.with_name(folder.name + ".damaged")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path in the folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256")
            found[path.relative_to(folder).as_posix()] = digest.hexdigest()
    return found
