"""Trials or studies side by side."""

from typing import Annotated

from fastapi import APIRouter, Query

from mixtures.compare_studies import StudyComparison
from mixtures.trial_comparison import TrialComparison
from service.comparing import comparison_of_studies, comparison_of_trials, require_one_kind
from service.scopes import READ
from service.state import ControllerDep

router = APIRouter(prefix="/v1", tags=["answers"], dependencies=[READ])

TrialIds = Annotated[list[str], Query(description="2 to 200 trials")]
StudyIds = Annotated[list[str], Query(description="2 to 6 studies")]


@router.get("/compare", operation_id="compare")
def compare(
    controller: ControllerDep,
    trial: TrialIds = [],  # noqa: B006
    study: StudyIds = [],  # noqa: B006
) -> TrialComparison | StudyComparison:
    """Mixtures, scores and paired differences of trials; answers and common order of studies."""
    require_one_kind(trial, study)
    if trial:
        return comparison_of_trials(controller, trial)
    return comparison_of_studies(controller, study)
