"""The page of the settings: what is in force, how to set it, and who holds a token."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from service.pages.html import html_page
from service.scopes import READ, caller_of
from service.settings_shown import shown_settings
from service.state import ControllerDep

router = APIRouter(include_in_schema=False, dependencies=[READ])


@router.get("/settings")
def settings_page(controller: ControllerDep, request: Request) -> Response:
    """Settings are not changed here: they are the environment's, so that a restart keeps them.

    Tokens are, by admins, through the API's own routes.
    """
    keyring = controller.keyring
    return html_page(
        "settings.html",
        shown=shown_settings(controller.settings, keyring.is_locked),
        tokens=keyring.list() if caller_of(request).may("admin") else None,
        now=datetime.now(UTC),
    )
