"""Is the controller alive, and is it ready for work?"""

from fastapi import APIRouter, Response

from db.database import DatabaseUnreadable
from mixtures.value import Value
from service.state import ControllerDep

router = APIRouter(tags=["health"])


class Health(Value):
    """`checks` names what was looked at and what was found."""

    ok: bool
    checks: dict[str, str]


@router.get("/healthz", operation_id="healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(ok=True, checks={})


@router.get("/readyz", operation_id="readyz", responses={503: {"model": Health}})
def readyz(controller: ControllerDep, response: Response) -> Health:
    """The database answers, the scheduler runs, and the cluster has a core; else 503."""
    try:
        controller.database.ping()
        database = "ok"
    except DatabaseUnreadable as error:
        database = str(error)
    cpus = controller.pool.cluster_resources().get("CPU", 0.0)
    checks = {
        "database": database,
        "scheduler": "ok" if controller.scheduler.is_alive else "stopped",
        "cluster": "ok" if cpus >= 1 else "no CPU",
    }
    is_ok = all(found == "ok" for found in checks.values())
    response.status_code = 200 if is_ok else 503
    return Health(ok=is_ok, checks=checks)
