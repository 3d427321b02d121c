"""Long work that was asked for with `Prefer: respond-async`."""

from fastapi import APIRouter, Response

from service.jobs import LOOK_AGAIN_SECONDS, Job
from service.scopes import READ
from service.state import ControllerDep

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[READ])


@router.get("/{job_id}", operation_id="get_job")
def job(job_id: str, response: Response, controller: ControllerDep) -> Job:
    """How far it is; once it has ended, with the answer. 404 an hour later, or after a restart."""
    found = controller.jobs.get(job_id)
    if found.state == "RUNNING":
        response.headers["Retry-After"] = str(LOOK_AGAIN_SECONDS)
    return found
