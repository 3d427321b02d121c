"""Anything costly and shared is built once and addressed by the hash of what made it.

A build writes into a folder beside its final place and is renamed when whole: a folder under its
final name is complete, and a half-written one is never used. Two trials that need the same
artifact wait for one build: the lock is the kernel's, so a killed builder lets it go.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def built_once(folder: Path, build: Callable[[Path], None], goes_on: bool = False) -> Path:
    """`folder`, made by `build(empty_folder)` if it is not there; safe across processes.

    A build that `goes_on` is given the folder as a killed one left it.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if folder.exists():
            return folder
        partial = folder.with_name(folder.name + ".partial")
        if not goes_on:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(exist_ok=goes_on)
        build(partial)
        partial.rename(folder)
    return folder
