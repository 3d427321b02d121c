"""The cluster as it is now, and the settings in force."""

from fastapi import APIRouter

from service.cluster import Cluster, cluster_now
from service.scopes import READ
from service.settings_shown import ShownSettings, shown_settings
from service.state import ControllerDep

router = APIRouter(prefix="/v1", tags=["health"], dependencies=[READ])


@router.get("/cluster", operation_id="get_cluster")
def cluster(controller: ControllerDep) -> Cluster:
    """Workers and what each does, the queue, throughput, memory, the last failures."""
    return cluster_now(controller)


@router.get("/settings", operation_id="get_settings")
def settings(controller: ControllerDep) -> ShownSettings:
    """The settings in force, how to set each, and versions; never the token itself."""
    return shown_settings(controller.settings, controller.keyring.is_locked)
