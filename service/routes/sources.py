"""Sources: bring a data file, list those that are there, look into one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.concurrency import run_in_threadpool

from service.change import UploadDep
from service.errors import BadInput
from service.paging import Limit, page_of
from service.scopes import READ, SUBMIT
from service.state import ControllerDep
from service.uploads import DataFile, Upload, list_files
from workers.pool import DataError, WorkerConfig, run_local

router = APIRouter(prefix="/v1/sources", tags=["sources"], dependencies=[READ])

_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "",
    dependencies=[SUBMIT],
    operation_id="add_source",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"description": "The same file was there already."}},
    openapi_extra=_FILE_BODY,
)
async def add_source(
    request: Request,
    response: Response,
    controller: ControllerDep,
    change: UploadDep,
    name: Annotated[str | None, Query(description="the body is a file, to be kept as this")] = None,
    file: Annotated[str | None, Query(description="a file under a data root")] = None,
) -> dict[str, Any]:
    """Upload a data file, or name one under a data root; answers with its preview.

    The file is read to its end: one that is broken is refused with the line, and not kept.
    """
    if (name is None) == (file is None):
        raise BadInput("name", name, "give exactly one of name (with the file as body) and file")
    if file is not None:
        response.status_code = status.HTTP_200_OK
        return await run_in_threadpool(_preview, file, controller.worker_config, "file")
    assert name is not None
    upload = Upload(controller.settings, name)
    try:
        await upload.receive(change.seen(request.stream()))
        config = WorkerConfig(home=controller.settings.home, data_roots=(upload.path.parent,))
        found = await run_in_threadpool(_preview, name, config, "(body)")
        is_new = await run_in_threadpool(upload.keep)
        await run_in_threadpool(change.record, found, 201 if is_new else 200)
    except OSError as error:
        raise BadInput("(body)", name, f"cannot be kept: {error.strerror}") from error
    finally:
        upload.discard()
    return found


@router.get("", operation_id="list_sources")
def list_sources(
    request: Request,
    response: Response,
    controller: ControllerDep,
    limit: Limit = None,
    after: Annotated[str | None, Query(description="the last name of the page before")] = None,
) -> list[DataFile]:
    """All data files that a study can name, at most a thousand."""
    found = [one for one in list_files(controller.settings) if after is None or one.name > after]
    return page_of(request, response, found, limit, lambda one: one.name)


@router.get("/{name:path}/preview", operation_id="preview_source")
def preview_source(name: str, controller: ControllerDep) -> dict[str, Any]:
    """Fields, guessed templates, three items as they are trained on, and tokens."""
    return _preview(name, controller.worker_config, "name")


def _preview(name: str, config: WorkerConfig, field: str) -> dict[str, Any]:
    try:
        preview = run_local("workers.source_preview:preview_source", name, config)
    except DataError as error:
        # The templates are guessed: whatever is wrong is wrong with the file.
        raise BadInput(field, name, error.message) from error
    found: dict[str, Any] = preview.model_dump(mode="json")
    return found
