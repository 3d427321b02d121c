"""Studies: submit one, list them, look at one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, status

from db.labels import change_study
from db.studies import (
    StoredStudy,
    UnknownStudy,
    get_study,
    has_study,
    insert_study,
    replace_spec,
    study_id_of,
)
from db.study_list import Archived, find_studies
from db.trials import insert_trials
from mixtures.design import first_trials
from mixtures.labels import StudyChange
from mixtures.objective import require_metric_exists
from mixtures.recipe import Recipe
from mixtures.study import StudySpec
from mixtures.value import InvalidField, Value, canonical_json
from service.body import STUDY_BODY_DOCS, read_body
from service.change import Change, CreationDep
from service.errors import BadInput
from service.etags import tag_of
from service.jobs import Done, Job, Prefer, is_async
from service.paging import Limit, page_of
from service.scopes import READ, SUBMIT
from service.state import Controller, ControllerDep
from service.study_list import StudyListing, study_listings
from service.study_status import StudyStatus, study_status
from workers.pool import DataError, run_local

router = APIRouter(prefix="/v1/studies", tags=["studies"], dependencies=[READ])


# Of a study that is trained outside nothing is read, so nothing is pinned or counted.
_OUTSIDE_REPORT: dict[str, Any] = {"data_hashes": {}, "sources": {}, "benchmarks": {}}


class StudyDetail(Value):
    """A study's status, its spec as submitted and what the check of its data found."""

    status: StudyStatus
    spec: StudySpec
    data_report: dict[str, Any]


async def _study_in_body(request: Request) -> StudySpec:
    return await read_body(request, StudySpec)


@router.post(
    "",
    dependencies=[SUBMIT],
    operation_id="submit_study",
    status_code=status.HTTP_201_CREATED,
    response_model=StudyStatus,
    responses={
        200: {"model": StudyStatus, "description": "The same study was there already."},
        202: {"model": Job, "description": "As preferred: the job that does it."},
    },
    openapi_extra=STUDY_BODY_DOCS,
)
def submit_study(
    request: Request,
    controller: ControllerDep,
    change: CreationDep,
    is_paused: Annotated[
        bool, Query(description="begin no trial of a new study until it is let go on")
    ] = False,
    prefer: Prefer = None,
    spec: StudySpec = Depends(_study_in_body),
) -> StudyStatus | Response:
    """Check the study's data, then add it with all its first trials; idempotent by content.

    Reads every source and benchmark before it answers, which takes seconds: what is wrong with
    them is said here, with nothing stored. Of a study that is trained outside nothing is read.
    """

    def work() -> Done:
        answer = _submit(controller, change, spec, is_paused)
        place = f"/v1/studies/{answer.id}"
        return Done(answer=answer.model_dump(mode="json"), status=change.status, location=place)

    if is_async(prefer):
        return controller.jobs.accept(request, "submit_study", work, change.wish)
    return _submit(controller, change, spec, is_paused)


def _submit(
    controller: Controller, change: Change, spec: StudySpec, is_paused: bool
) -> StudyStatus:
    is_ours = spec.trained_by == "workers"
    if is_ours:
        _require_room(controller, spec)
    report = _check(controller, spec.recipe) if is_ours else _OUTSIDE_REPORT
    # A task file says which metrics it gives only once it is read.
    found = {name: one["metrics"] for name, one in report["benchmarks"].items()}
    try:
        require_metric_exists(spec.objective, found)
    except InvalidField as error:
        raise BadInput(error.field, error.value, str(error)) from error
    study_id = study_id_of(spec, report["data_hashes"])
    with change.write() as session:
        is_new = not has_study(session, study_id)
        if is_new:
            insert_study(session, study_id, spec, canonical_json(report))
            insert_trials(session, first_trials(spec, study_id, report["data_hashes"]))
            if is_paused:
                session.flush()
                change_study(session, study_id, StudyChange(is_paused=True))
        stored = get_study(session, study_id)
        if spec.claims and spec.claims != stored.spec.claims:
            # Another question to the same trials; the spec may have been extended since.
            asked = stored.spec.model_copy(update={"claims": spec.claims})
            stored = replace_spec(session, study_id, asked)
        answer = change.answer(
            session,
            study_status(controller, stored, within=session),
            status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
            location=f"/v1/studies/{study_id}",
        )
    controller.searcher.add(stored)
    controller.scheduler.wake()
    return answer


@router.get("", operation_id="list_studies")
def studies(
    request: Request,
    response: Response,
    controller: ControllerDep,
    q: str = "",
    tag: str | None = None,
    archived: Archived = "no",
    limit: Limit = None,
    after: Annotated[str | None, Query(description="the last study of the page before")] = None,
) -> list[StudyListing]:
    """Studies, newest first: those with every word of `q` in id, name, question, note or tags.

    All of them, or with a `limit` a page of them; `Link` leads to the next one.
    """
    with controller.database.read() as session:
        try:
            found = find_studies(session, q, tag, archived, after, limit and limit + 1)
        except UnknownStudy as error:
            raise BadInput("after", after, "there is no such study") from error
    return study_listings(controller, page_of(request, response, found, limit, str))


@router.get("/{study_id}", operation_id="get_study")
def study(study_id: str, response: Response, controller: ControllerDep) -> StudyDetail:
    """One study: where it stands, its spec and its data."""
    stored = stored_study(controller, study_id)
    status = study_status(controller, stored)
    response.headers["ETag"] = study_tag(stored, status)
    return StudyDetail(status=status, spec=stored.spec, data_report=stored.data_report)


def study_tag(study: StoredStudy, status: StudyStatus | None = None) -> str:
    """Of the study as it is shown; without a status for If-Match alone."""
    edit = [getattr(study, name) for name in StudyChange.model_fields]
    # The report on its data never changes.
    state = [study.id, study.spec.canonical(), status and status.canonical()]
    return tag_of(state, edit)


def stored_study(controller: Controller, study_id: str) -> StoredStudy:
    """Raises UnknownStudy."""
    with controller.database.read() as session:
        return get_study(session, study_id)


def outside_study(controller: Controller, study_id: str, what_is_for_outside: str) -> StoredStudy:
    """A study that is trained outside. Raises UnknownStudy, and BadInput for one of our own."""
    study = stored_study(controller, study_id)
    if study.spec.trained_by != "outside":
        raise BadInput(
            "study_id", study_id, f"our own workers train this study; {what_is_for_outside}"
        )
    return study


def _require_room(controller: Controller, spec: StudySpec) -> None:
    wanted = spec.resources
    if controller.pool.num_slots(wanted) > 0:
        return
    nodes = controller.pool.nodes()
    usable = [one for one in nodes if one.state == "ok"]
    refused = [f"{one.name}: {one.reason}" for one in nodes if one.state == "refused"]
    why = f"; no trial goes to {'; '.join(refused)}" if refused else ""
    if wanted.gpus_per_trial > max((one.gpus for one in usable), default=0.0):
        gpus = max((one.gpus for one in usable), default=0.0)
        raise BadInput(
            "resources.gpus_per_trial",
            wanted.gpus_per_trial,
            f"no machine of the cluster has more than {gpus:g} GPUs; ask for at most that{why}",
        )
    cpus = max((one.cpus for one in usable), default=0.0)
    if wanted.cpus_per_trial > cpus:
        of_all = "the cluster has" if len(nodes) == 1 else "the largest machine of the cluster has"
        raise BadInput(
            "resources.cpus_per_trial",
            wanted.cpus_per_trial,
            f"{of_all} {cpus:g} cores in all; ask for at most that{why}",
        )
    raise BadInput(
        "resources",
        wanted.model_dump(mode="json"),
        f"no machine of the cluster has both that many cores and GPUs; ask for fewer{why}",
    )


def _check(controller: Controller, recipe: Recipe) -> dict[str, Any]:
    try:
        report = run_local("workers.check:check_data", recipe, controller.worker_config)
    except DataError as error:
        raise BadInput(error.field, error.value, error.message) from error
    found: dict[str, Any] = report.model_dump(mode="json")
    return found
