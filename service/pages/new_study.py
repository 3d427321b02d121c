"""A new study: from a ready one, a copy, a file or a form; all done through the API."""

from dataclasses import dataclass

from fastapi import APIRouter, Response

from mixtures.factors import FactorName
from mixtures.proxy import PRESETS
from service.errors import BadInput
from service.pages.html import html_page
from service.presets import presets
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep
from service.study_yaml import study_yaml
from service.uploads import list_files


@dataclass(frozen=True, slots=True)
class FactorField:
    """A field of the form for a factor: its dotted name, what people call it, how to fill it in."""

    name: FactorName
    label: str
    hint: str


_LIST = "levels parted by commas, such as "
FACTOR_FIELDS = (
    FactorField("decay.form", "Schedule of the decay", _LIST + "exponential, linear"),
    FactorField("decay.optimiser", "Optimiser of the decay", _LIST + "adamw, muon"),
    FactorField(
        "decay.lr_ratio", "Rate of the decay, of the stable phase's", "0.25 to 1, or a list"
    ),
    FactorField("decay.min_lr_ratio", "Rate at the end, of the peak", "0 to 0.2, or a list"),
    FactorField("decay.tokens", "Decay tokens", _LIST + "75000, 150000"),
    FactorField("optimiser.peak_lr", "Peak rate", "a list; each level trains a stable phase"),
    FactorField("proxy.tied_embedding", "Tied embedding", "true, false; a stable phase each"),
    FactorField("proxy", "Proxy", "presets, such as pico, nano; a stable phase each"),
)

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
        factors=FACTOR_FIELDS,
        files=[one.name for one in list_files(controller.settings)],
    )
