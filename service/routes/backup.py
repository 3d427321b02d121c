"""What a home holds: its tables in one file, for a backup, and what of its files may be deleted."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from mixtures.value import Value
from service.backup import MANIFEST, TABLES, write_backup_tables
from service.prune import Pruning, prune
from service.scopes import ADMIN
from service.state import Controller, ControllerDep

router = APIRouter(prefix="/v1", tags=["operations"], dependencies=[ADMIN])

_BLOCK_BYTES = 1 << 20


@router.get(
    "/backup",
    operation_id="backup_tables",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}},
)
def backup(controller: ControllerDep) -> StreamingResponse:
    """Every table as Parquet and what they are of as JSON, zipped; nothing waits for it."""
    file = _zipped(controller)
    return StreamingResponse(
        _blocks(file),
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="decaymix-tables.zip"'},
    )


class PruneWish(Value):
    """Nothing is deleted while it `is_dry`. `days`: how old what may be made again has to be."""

    is_dry: bool = True
    days: float = Field(default=30.0, ge=0, le=36_500)


@router.post("/prune", operation_id="prune_home")
def prune_home(controller: ControllerDep, wanted: PruneWish | None = None) -> Pruning:
    """Delete leftovers, old caches, and weights and logs of archived studies; or say what would go.

    Studies, trials, scores, notes, tokens, items and uploaded files are never deleted.
    """
    wish = wanted or PruneWish()
    return prune(controller.database, controller.settings.home, wish.days, wish.is_dry)


def _zipped(controller: Controller) -> IO[bytes]:
    # On the home's disk: /tmp may be small, and is memory in many a container.
    place = controller.settings.home
    file = tempfile.TemporaryFile(dir=place)  # noqa: SIM115 closed when it was sent
    with tempfile.TemporaryDirectory(dir=place, prefix=".backup-") as folder:
        about = write_backup_tables(controller.database, Path(folder))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for table in sorted(Path(folder).iterdir()):
                archive.write(table, f"{TABLES}/{table.name}")
            archive.writestr(MANIFEST, json.dumps(about))
    file.seek(0)
    return file


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK_BYTES):
            yield block
