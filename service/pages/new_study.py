"""A new study: from a ready one, a copy, a file or a form; all done through the API."""

from fastapi import APIRouter, Response

from mixtures.proxy import PRESETS
from service.errors import BadInput
from service.pages.html import html_page
from service.presets import presets
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep
from service.study_yaml import study_yaml
from service.uploads import list_files

router = APIRouter(include_in_schema=False, dependencies=[READ])


@router.get("/studies/new")
def new_study_page(
    controller: ControllerDep, preset: str | None = None, clone: str | None = None
) -> Response:
    """`preset` names a ready study, `clone` a study that is here: its YAML stands in the editor."""
    ready = presets()
    text, source = "", ""
    if clone is not None:
        study = stored_study(controller, clone)
        text, source = study_yaml(study.spec), f"a copy of {study.spec.name}"
    elif preset is not None:
        by_name = {one.name: one for one in ready}
        if preset not in by_name:
            raise BadInput("preset", preset, f"expected one of {', '.join(by_name)}")
        text, source = by_name[preset].yaml, f"the ready study {preset}"
    return html_page(
        "new_study.html",
        presets=ready,
        text=text,
        source=source,
        proxies=list(PRESETS),
        files=[one.name for one in list_files(controller.settings)],
    )
