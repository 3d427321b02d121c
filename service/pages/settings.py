"""The page of the settings: what is in force, and how to set it."""

from fastapi import APIRouter, Response

from service.pages.html import html_page
from service.scopes import READ
from service.settings_shown import shown_settings
from service.state import ControllerDep

router = APIRouter(include_in_schema=False, dependencies=[READ])


@router.get("/settings")
def settings_page(controller: ControllerDep) -> Response:
    """Nothing is changed here: settings are the environment's, so that a restart keeps them."""
    return html_page("settings.html", shown=shown_settings(controller.settings))
