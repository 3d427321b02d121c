"""The tables as they are at one moment, in one file: what `./run decaymix backup` asks for."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from service.backup import MANIFEST, TABLES, write_backup_tables
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
