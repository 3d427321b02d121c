"""The page of one trial: what it was, what it scored, which items it knew, and what went wrong."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.pages.html import html_page
from service.pages.trial_figures import shown_baselines
from service.pages.trial_view import progress_of_trial, trial_view
from service.routes.studies import stored_study
from service.routes.trial_detail import stored_trial
from service.scopes import READ
from service.state import ControllerDep
from service.trial_detail import Answered, trial_items, trial_log

router = APIRouter(include_in_schema=False, dependencies=[READ])


@router.get("/trials/{trial_id}")
def trial_page(
    trial_id: str,
    controller: ControllerDep,
    benchmark: str | None = None,
    answered: Answered = "all",
    after: Annotated[int, Query(ge=-1)] = -1,
) -> Response:
    """The whole page; the query chooses among its items."""
    trial = stored_trial(controller, trial_id)
    study = stored_study(controller, trial.study_id)
    view = trial_view(controller, study, trial)
    # An empty choice of the form is no choice.
    items = trial_items(controller, trial, benchmark or None, answered, after)
    return html_page(
        "trial.html",
        study=study,
        trial=trial,
        view=view,
        items=items,
        after=after,
        log=trial_log(controller, trial),
        shown_baselines=shown_baselines(view.lines, [one.name for one in view.baselines]),
        spec_text=trial.spec.model_dump_json(indent=2),
    )


@router.get("/trials/{trial_id}/progress")
def trial_progress(trial_id: str, controller: ControllerDep) -> Response:
    """The part of the page that moves every second, alone."""
    trial = stored_trial(controller, trial_id)
    return html_page("trial_progress.html", progress=progress_of_trial(controller, trial))
