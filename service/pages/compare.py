"""Trials or studies side by side, by address."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from db.studies import get_study
from db.study_list import find_studies
from mixtures.compare_trials import OBJECTIVE
from service.comparing import (
    MOST_STUDIES,
    MOST_TRIALS,
    across_or_reason,
    comparison_of_studies,
    comparison_of_trials,
    require_one_kind,
)
from service.errors import BadInput
from service.pages.compare_figures import study_figures, trial_figures
from service.pages.html import html_page
from service.scopes import READ
from service.state import Controller, ControllerDep

# Studies to choose from; the address takes any.
MOST_OFFERED = 20

router = APIRouter(include_in_schema=False, dependencies=[READ])


@router.get("/compare")
def compare_page(
    controller: ControllerDep,
    trial: Annotated[list[str], Query()] = [],  # noqa: B006
    study: Annotated[list[str], Query()] = [],  # noqa: B006
    show: str = OBJECTIVE,
) -> Response:
    """What is wrong with the address is said on the page, which has a form for another."""
    trials, studies = _ids(trial), _ids(study)
    if not trials and not studies:
        return _form(controller, trials, studies, None)
    try:
        require_one_kind(trials, studies)
        if studies:
            compared = comparison_of_studies(controller, studies)
            across, why_not = across_or_reason(controller, studies)
            return html_page(
                "compare_studies.html",
                compared=compared,
                across=across,
                why_not_across=why_not,
                figures=study_figures(compared),
                names={one.study_id: one.name for one in compared.studies},
                twin=urlencode([("study", one) for one in studies]),
            )
        found = comparison_of_trials(controller, trials)
        shown = show or OBJECTIVE
        if shown not in (OBJECTIVE, *found.benchmarks):
            raise BadInput("show", show, f"expected {OBJECTIVE} or one of {list(found.benchmarks)}")
    except BadInput as error:
        return _form(controller, trials, studies, error)
    return html_page(
        "compare_trials.html",
        compared=found,
        shown=shown,
        figures=trial_figures(found, shown),
        twin=urlencode([("trial", one) for one in trials]),
        ids=trials,
    )


def _ids(given: list[str]) -> list[str]:
    """One a parameter, or several in one that a user typed: parted by commas, spaces or lines."""
    return [one for text in given for one in text.replace(",", " ").split()]


def _form(
    controller: Controller, trials: list[str], studies: list[str], error: BadInput | None
) -> Response:
    with controller.database.read() as session:
        newest = [get_study(session, one) for one in find_studies(session, limit=MOST_OFFERED)]
    offered = {study.id for study in newest}
    return html_page(
        "compare.html",
        status=422 if error else 200,
        trials=trials,
        studies=studies,
        newest=newest,
        others=[one for one in studies if one not in offered],
        error=error.message if error else "",
        most_trials=MOST_TRIALS,
        most_studies=MOST_STUDIES,
    )
