"""What of a home may be deleted, and why: never what was acknowledged, only what can be made again,
is left over, or belongs to studies that were put away.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from db.database import Database
from db.prunable import Prunable, prunable
from mixtures.value import Value

_DAY = 24 * 3600.0
# Built anew, to the same bits, when a trial needs them.
CACHES = ("tokenizers", "tokenised", "screened", "requests", "stable", "hub", "datasets")
# A build that a kill left half-way is begun anew or gone on with within a day, or never.
_LEFT_SECONDS = _DAY


class Pruned(Value):
    """One file or folder below the home that was, or would be, deleted."""

    path: str
    num_bytes: int
    why: str


class Pruning(Value):
    """`is_dry`: nothing was deleted yet."""

    is_dry: bool
    days: float
    num_bytes: int
    found: tuple[Pruned, ...]


def prune(database: Database, home: Path, days: float, is_dry: bool) -> Pruning:
    """Delete what may go, or only say what would."""
    with database.read() as session:
        known = prunable(session, days)
    found = []
    for path, why in _found(home, known, days):
        size = _num_bytes(path)
        if not is_dry:
            _delete(path)
        found.append(Pruned(path=path.relative_to(home).as_posix(), num_bytes=size, why=why))
    total = sum(one.num_bytes for one in found)
    return Pruning(is_dry=is_dry, days=days, num_bytes=total, found=tuple(found))


def _found(home: Path, known: Prunable, days: float) -> Iterator[tuple[Path, str]]:
    for path in _entries(home / "decay"):
        if path.name not in known.unfinished:
            yield path, "a decay's checkpoint, whose trial has ended"
    for name in CACHES:
        for path in _entries(home / name):
            if path.name.endswith((".partial", ".progress", ".damaged")):
                if _age(path) > _LEFT_SECONDS:
                    yield path, "left over from a build that was killed"
            elif not known.unfinished and _age(path) > days * _DAY:
                yield path, f"a cache older than {days:g} days, and nothing is left to train"
    for path in _entries(home):
        if path.name.startswith("decaymix.duckdb.before-") and _age(path) > days * _DAY:
            yield path, f"a copy from before an upgrade, older than {days:g} days"
        if path.name.startswith(".backup-") and _age(path) > _LEFT_SECONDS:
            yield path, "left over from a backup that was killed"
    for trial_id in sorted(known.archived):
        weights = home / "trials" / trial_id / "weights.safetensors"
        for path in (weights, home / "logs" / "trials" / f"{trial_id}.log"):
            if path.is_file():
                yield path, f"of an archived study that ended over {days:g} days ago"


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _num_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
