"""The trials of a study: all of them, or a page of those that match."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from db.found_sizes import available_tokens
from db.studies import StoredStudy
from db.trial_pages import (
    MOST_ON_A_PAGE,
    SORTS,
    ListedTrial,
    Wanted,
    all_trials,
    count_matching,
    trial_page,
    trials_version,
)
from mixtures.factors import Level
from mixtures.repetition import Epochs, epochs_of
from mixtures.trial import TrialState
from mixtures.value import InvalidField, Value, added
from service.errors import BadInput
from service.etags import require_modified, tag_of
from service.paging import link_next
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import Controller, ControllerDep

router = APIRouter(prefix="/v1", tags=["trials"], dependencies=[READ])


class TrialSummary(Value):
    """One line of the list of trials. `objective` is there once the trial is COMPLETE.

    `epochs` says how often each source is read, by the proxy and in the full run; it is empty until
    a first trial has counted the sources' tokens. `chosen_by` says how a search chose the trial.
    """

    id: str
    state: TrialState
    sft_share: float
    shares: dict[str, float]
    seed: int
    attempt: int
    objective: float | None
    scores: dict[str, float]
    message: str | None
    epochs: dict[str, Epochs]
    chosen_by: str | None
    note: str
    tags: tuple[str, ...]
    factors: dict[str, Level] = added({}, description="levels of the study's factors")


class TrialPage(Value):
    """`next_after` is the `after` of the next page, None at the end; `num_matching` are all that
    match, on whatever page.
    """

    trials: tuple[TrialSummary, ...]
    next_after: str | None
    num_matching: int


@router.get("/studies/{study_id}/trials", operation_id="list_trials")
def list_trials(
    study_id: str,
    request: Request,
    response: Response,
    controller: ControllerDep,
    limit: Annotated[int | None, Query(ge=1, le=MOST_ON_A_PAGE)] = None,
    after: str | None = None,
    state: Annotated[list[TrialState], Query()] = [],  # noqa: B006 FastAPI copies it
    q: str = "",
    tag: str | None = None,
    sort: str = "position",
) -> list[TrialSummary] | TrialPage:
    """All trials of a study, in claiming order; with a `limit`, a page of those that match.

    `state` may be given several times; every word of `q` stands in the id, note, tags, message of
    failure or `chosen_by`. `sort` by position, objective, sft_share, seed or finished_at, with a
    minus before it from the highest down. All but `limit` belong to pages.
    """
    study = stored_study(controller, study_id)
    if limit is None:
        given = {"after": after, "state": state, "q": q, "tag": tag}
        for name, value in {**given, "sort": sort if sort != "position" else None}.items():
            if value:
                raise BadInput(name, str(value), "belongs to a page; give a limit with it")
        with controller.database.read() as session:
            spec, listed_now = study.spec.content_hash(), trials_version(session, study_id)
            known = tag_of([spec, listed_now])
            require_modified(request, known)
            listed = all_trials(session, study_id, study.spec)
        response.headers["ETag"] = known
        return _summaries(controller, study, listed)
    if sort not in SORTS:
        raise BadInput("sort", sort, f"expected one of {', '.join(SORTS)}")
    wanted = Wanted(states=tuple(state), q=q, tag=tag, sort=sort)
    page = trials_page(controller, study, wanted, after, limit)
    link_next(request, response, page.next_after)
    return page


def trials_page(
    controller: Controller, study: StoredStudy, wanted: Wanted, after: str | None, limit: int
) -> TrialPage:
    """Raises BadInput for a cursor of another order."""
    with controller.database.read() as session:
        try:
            listed, next_after = trial_page(session, study.id, study.spec, wanted, after, limit)
        except InvalidField as error:
            raise BadInput(error.field, error.value, str(error)) from error
        num_matching = count_matching(session, study.id, wanted)
    return TrialPage(
        trials=tuple(_summaries(controller, study, listed)),
        next_after=next_after,
        num_matching=num_matching,
    )


def _summaries(
    controller: Controller, study: StoredStudy, listed: list[ListedTrial]
) -> list[TrialSummary]:
    with controller.database.read() as session:
        available = available_tokens(session, study.id)
    spec = study.spec
    return [
        TrialSummary(
            id=trial.id,
            state=trial.state,
            sft_share=trial.sft_share,
            shares=trial.shares,
            seed=trial.seed,
            attempt=trial.attempt,
            objective=spec.objective.value(trial.scores) if trial.scores else None,
            scores=trial.scores,
            message=trial.message,
            epochs=epochs_of(trial.shares, trial.decay, spec.full_run, available),
            chosen_by=trial.chosen_by,
            note=trial.note,
            tags=trial.tags,
            factors=trial.factors,
        )
        for trial in listed
    ]
