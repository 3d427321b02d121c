"""A backup: the tables as Parquet, and the files of a home that cannot be made again.

Caches are left out: they are built anew, to the same bits. `manifest.json` holds the hash of every
file, and is written last: a folder without it is no backup.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from db.backup import SUFFIX, database_of_tables, schema_of, write_tables
from db.database import Database
from mixtures.value import Value

TABLES, FILES, MANIFEST = "tables", "files", "manifest.json"
# What trials left, what users gave, and what takes hours to train. Decays that are under way are
# with them: a trial that is taken up elsewhere goes on where it stood.
KEPT_FOLDERS = (
    *("sources", "trials", "item_texts", "logs/trials"),
    *("stable", "decay", "checkpoints", "exports"),
)


class BackupDamaged(ValueError):
    """The folder is no whole backup; the message says which file and why."""


class Manifest(Value):
    """What is in a backup. `rows` by table, `sha256` by path below the folder."""

    decaymix_version: str
    schema_version: str
    created_at: datetime
    rows: dict[str, int]
    sha256: dict[str, str]


def write_backup_tables(database: Database, folder: Path) -> dict[str, Any]:
    """Into `folder`; what the manifest says of them but for hashes."""
    rows = write_tables(database, folder)
    return {
        "decaymix_version": version("decaymix"),
        "schema_version": schema_of(database),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": rows,
    }


def copy_files(home: Path, folder: Path) -> None:
    """The kept folders of a home. Each file there is whole: it was renamed when it was."""
    for name in KEPT_FOLDERS:
        for source in _files(home / name):
            path = source.relative_to(home)
            if any(part.endswith((".partial", ".damaged", ".lock", ".new")) for part in path.parts):
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source, target)
            except FileNotFoundError:
                # A decay that ended meanwhile; its result is not in the tables, so it runs again.
                continue


def seal(folder: Path, about: dict[str, Any]) -> Manifest:
    """Hash all files and write the manifest: now it is a backup."""
    hashes = {
        file.relative_to(folder).as_posix(): _sha256(file)
        for file in _files(folder)
        if file.name != MANIFEST
    }
    manifest = Manifest.model_validate({**about, "sha256": hashes})
    text = json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Raises BackupDamaged where a file is missing, changed or not told of."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackupDamaged(f"{folder} is no backup: its {MANIFEST} cannot be read") from error
    for name, expected in manifest.sha256.items():
        path = folder / name
        if not path.is_file():
            raise BackupDamaged(f"{name} is missing in {folder}")
        if _sha256(path) != expected:
            raise BackupDamaged(f"{name} in {folder} is damaged: its SHA-256 is another")
    for table in manifest.rows:
        if f"{TABLES}/{table}{SUFFIX}" not in manifest.sha256:
            raise BackupDamaged(f"the table {table} is missing in {folder}")
    return manifest


def restore(folder: Path, home: Path) -> Manifest:
    """A fresh home of a backup. Raises BackupDamaged, DatabaseTooNew, FileExistsError."""
    database = home / "decaymix.duckdb"
    if database.exists():
        raise FileExistsError(f"{database} is there already; give an empty DECAYMIX_HOME")
    manifest = read_manifest(folder)
    home.mkdir(parents=True, exist_ok=True)
    partial = home / "decaymix.duckdb.partial"
    for left in (partial, partial.with_name(partial.name + ".wal")):
        left.unlink(missing_ok=True)
    database_of_tables(partial, folder / TABLES, manifest.schema_version)
    for source in _files(folder / FILES):
        target = home / source.relative_to(folder / FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    # Last: a home with a database is whole.
    partial.rename(database)
    return manifest


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
