"""Benchmarks: bring a task file, list those that are there, look at what one asks."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.concurrency import run_in_threadpool

from service.change import CreationDep
from service.errors import BadInput
from service.paging import Limit, behind, page_of
from service.scopes import READ, SUBMIT
from service.state import ControllerDep
from service.task_files import TaskFile, TaskUpload, list_task_files
from workers.pool import DataError, WorkerConfig, run_local

router = APIRouter(prefix="/v1/benchmarks", tags=["benchmarks"], dependencies=[READ])

_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {"application/yaml": {"schema": {"type": "string"}}},
    }
}


@router.post(
    "",
    dependencies=[SUBMIT],
    operation_id="add_benchmark",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"description": "The same file was there already."}},
    openapi_extra=_FILE_BODY,
)
async def add_benchmark(
    request: Request,
    response: Response,
    controller: ControllerDep,
    change: CreationDep,
    name: Annotated[str | None, Query(description="the body is YAML, to be kept as this")] = None,
    task: Annotated[str | None, Query(description="a task under a data root, or shipped")] = None,
) -> dict[str, Any]:
    """Upload a task file, or name one that is there; answers with its preview.

    The file and its data are read: one that cannot be scored is refused, and not kept.
    """
    if (name is None) == (task is None):
        raise BadInput("name", name, "give exactly one of name (with YAML as body) and task")
    config = controller.worker_config
    if task is not None:
        response.status_code = status.HTTP_200_OK
        return await run_in_threadpool(_preview, task, config, "task")
    assert name is not None
    upload = TaskUpload(controller.settings, name, await request.body())
    with upload:
        beside = WorkerConfig(home=config.home, data_roots=(upload.folder, *config.data_roots))
        found = await run_in_threadpool(_preview, name, beside, "(body)")
        is_new = await run_in_threadpool(upload.keep)
        await run_in_threadpool(change.record, found, 201 if is_new else 200)
    return found


@router.get("", operation_id="list_benchmarks")
def list_benchmarks(
    request: Request,
    response: Response,
    controller: ControllerDep,
    limit: Limit = None,
    after: Annotated[str | None, Query(description="the last name of the page before")] = None,
) -> list[TaskFile]:
    """All task files that a study can name, at most a thousand."""
    # Not by the names' order: those that come with Decaymix stand before the rest.
    found = behind(list_task_files(controller.settings), after, lambda one: one.name)
    return page_of(request, response, found, limit, lambda one: one.name)


@router.get("/{name:path}/preview", operation_id="preview_benchmark")
def preview_benchmark(
    name: str, controller: ControllerDep, num_fewshot: int | None = None
) -> dict[str, Any]:
    """Items, metrics, and an item as the model sees it."""
    return _preview(name, controller.worker_config, "name", num_fewshot)


def _preview(
    task: str, config: WorkerConfig, field: str, num_fewshot: int | None = None
) -> dict[str, Any]:
    # Nothing is run for a preview, so code that a model would write is no matter here.
    harmless = WorkerConfig(home=config.home, data_roots=config.data_roots, run_code=True)
    try:
        preview = run_local("workers.task_preview:preview_task", task, harmless, num_fewshot)
    except DataError as error:
        raise BadInput(field, error.value, error.message) from error
    found: dict[str, Any] = preview.model_dump(mode="json")
    return found
