"""Is the controller alive, is it ready for work, and what would a monitor like to know?"""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST

from db.observed import DatabaseUnwritable, require_writable
from mixtures.study import Resources
from mixtures.value import Value
from service.metrics import Metrics
from service.room import free_bytes
from service.scopes import OPEN, READ
from service.state import Controller, ControllerDep

router = APIRouter(tags=["health"])


class Health(Value):
    """`checks` names what was looked at and what was found."""

    ok: bool
    checks: dict[str, str]


@router.get("/healthz", dependencies=[OPEN], operation_id="healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(ok=True, checks={})


@router.get(
    "/readyz", dependencies=[READ], operation_id="readyz", responses={503: {"model": Health}}
)
async def readyz(controller: ControllerDep, response: Response) -> Health:
    """The database takes a write, all loops go well, Ray answers, the disk has room; else 503."""
    checks = {
        "database": await run_in_threadpool(_database, controller),
        "scheduler": controller.scheduler.state,
        "searcher": controller.searcher.loop.state,
        "webhooks": controller.webhooks.state,
        "cluster": await _cluster(controller),
        "disk": _disk(controller),
    }
    is_ok = all(found == "ok" for found in checks.values())
    response.status_code = 200 if is_ok else 503
    return Health(ok=is_ok, checks=checks)


@router.get(
    "/metrics",
    dependencies=[READ],
    operation_id="metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Prometheus' text format; docs/operations.md says what each is."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _database(controller: Controller) -> str:
    try:
        require_writable(controller.database)
    except DatabaseUnwritable as error:
        return str(error)
    return "ok"


async def _cluster(controller: Controller) -> str:
    if not await controller.pool.is_reachable():
        return "Ray does not answer"
    cpus = controller.pool.cluster_resources().get("CPU", 0.0)
    if cpus < 1:
        return "no CPU"
    refused = [one for one in controller.pool.nodes() if one.state == "refused"]
    if refused and controller.pool.num_slots(Resources()) < 1:
        return f"no trial goes to {refused[0].name}: {refused[0].reason}"
    return "ok"


def _disk(controller: Controller) -> str:
    free = free_bytes(controller.settings)
    least = controller.settings.min_free_bytes
    return "ok" if free >= least else f"{free} bytes free, DECAYMIX_MIN_FREE_BYTES is {least}"
