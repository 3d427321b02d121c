"""The page of the cluster: what every worker does, what waits, what went wrong."""

from fastapi import APIRouter, Response

from service.cluster import cluster_now
from service.pages.html import html_page
from service.scopes import READ
from service.state import ControllerDep

router = APIRouter(include_in_schema=False, dependencies=[READ])


@router.get("/cluster")
def cluster_page(controller: ControllerDep) -> Response:
    """Looked at again every few seconds while it is seen."""
    return html_page("cluster.html", cluster=cluster_now(controller))
