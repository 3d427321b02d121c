"""`./run decaymix backup` and `restore`: all that a home holds and cannot make again; `prune` the
rest.
"""

import io
import json as json_module
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from service import connection
from service.show import amount
from service.terminal import BAD_INPUT, FAILED, Json, fail, line, settings_or_fail, show

if TYPE_CHECKING:
    from service.backup import Manifest

_Folder = Annotated[Path, typer.Argument(help="a folder, which is made")]


def backup(folder: _Folder, json: Json = False) -> None:
    """Copy all studies, trials and files that cannot be made again; the controller works on."""
    from service.backup import FILES, copy_files, seal

    if folder.exists():
        fail(f"{folder} is there already; give a new folder", BAD_INPUT)
    home = settings_or_fail().home
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        about = _tables(home, partial)
        copy_files(home, partial / FILES)
        manifest = seal(partial, about)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        fail(f"{folder} cannot be written: {error.strerror or error}", FAILED)
    show(
        json,
        {"folder": str(folder), **manifest.model_dump(mode="json", exclude={"sha256"})},
        lambda out: line(
            out,
            f"{_rows(manifest)} in {folder}, {amount(len(manifest.sha256), 'file')}",
        ),
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="a folder that backup made")], json: Json = False
) -> None:
    """Make a home of a backup, at DECAYMIX_HOME, where there must be none."""
    from db.database import DatabaseTooNew
    from service.backup import BackupDamaged
    from service.backup import restore as make_home

    home = settings_or_fail().home
    try:
        manifest = make_home(folder, home)
    except (BackupDamaged, DatabaseTooNew, FileExistsError) as error:
        fail(str(error), BAD_INPUT)
    except OSError as error:
        fail(f"{home} cannot be written: {error.strerror or error}", FAILED)
    show(
        json,
        {"home": str(home), **manifest.model_dump(mode="json", exclude={"sha256"})},
        lambda out: line(
            out,
            f"{_rows(manifest)} in {home}, as of {manifest.created_at:%Y-%m-%d %H:%M} UTC",
        ),
    )


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False,
    days: Annotated[float, typer.Option(min=0, help="how old caches have to be")] = 30.0,
    json: Json = False,
) -> None:
    """Delete leftovers, old caches, and weights and logs of archived studies."""

    def lines(out: Console) -> None:
        for one in found["found"]:
            line(out, f"{one['num_bytes']:>15,}  {one['path']}: {one['why']}")
        verb = "would be deleted" if dry_run else "deleted"
        line(out, f"{found['num_bytes']:,} bytes {verb}")

    with connection.client() as client:
        found = client.prune(dry_run, days)
        show(json, found, lines)


def _rows(manifest: "Manifest") -> str:
    studies = amount(manifest.rows["study"], "study", "studies")
    return f"{studies} and {amount(manifest.rows['trial'], 'trial')}"


def _tables(home: Path, folder: Path) -> dict[str, Any]:
    """By the controller that has the database open, or from the file where none has."""
    from service.backup import MANIFEST, TABLES, write_backup_tables

    with connection.client_or_none() as client:
        if client is not None:
            with zipfile.ZipFile(io.BytesIO(client.backup())) as archive:
                for name in archive.namelist():
                    if name.startswith(f"{TABLES}/"):
                        archive.extract(name, folder)
                about: dict[str, Any] = json_module.loads(archive.read(MANIFEST))
            return about
    from db.database import Database, DatabaseInUse, DatabaseTooNew, DatabaseUnreadable

    if not (home / "decaymix.duckdb").exists():
        fail(f"{home} holds no database; set DECAYMIX_HOME", BAD_INPUT)
    try:
        database = Database(home / "decaymix.duckdb")
    except (DatabaseInUse, DatabaseTooNew, DatabaseUnreadable) as error:
        fail(str(error), FAILED)
    try:
        (folder / TABLES).mkdir()
        return write_backup_tables(database, folder / TABLES)
    finally:
        database.close()
