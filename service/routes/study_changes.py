"""What can be done to a study that is there: notes, pause, extension, a copy; and a dry run."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from db.labels import change_study
from db.studies import count_states, get_study, replace_spec
from db.trials import insert_trials
from mixtures.design import first_trials
from mixtures.extension import Extension
from mixtures.labels import StudyChange
from mixtures.study import StudySpec
from mixtures.value import InvalidField, Value
from service.body import STUDY_BODY_DOCS, read_body
from service.change import ChangeDep, CreationDep
from service.errors import BadInput
from service.etags import IfMatch, require_match
from service.jobs import Done, Job, Prefer, is_async
from service.routes.studies import stored_study, study_tag
from service.scopes import READ, SUBMIT
from service.state import Controller, ControllerDep
from service.study_status import StudyStatus, study_status
from service.study_yaml import study_yaml
from workers.pool import DataError, LocalProcess

router = APIRouter(prefix="/v1/studies", tags=["studies"], dependencies=[READ])

# A child of its own: a dry run takes up to minutes, and who submits a study must not wait for it.
_CHECKS = LocalProcess()


class Extended(Value):
    """The study as it stands now, and how many trials came with the extension."""

    status: StudyStatus
    num_new: int


async def _study_in_body(request: Request) -> StudySpec:
    return await read_body(request, StudySpec)


@router.post(
    "/check",
    dependencies=[SUBMIT],
    operation_id="check_study",
    response_model=dict[str, Any],
    responses={202: {"model": Job, "description": "As preferred: the job that does it."}},
    openapi_extra=STUDY_BODY_DOCS,
)
def check(
    request: Request,
    controller: ControllerDep,
    prefer: Prefer = None,
    spec: StudySpec = Depends(_study_in_body),
) -> dict[str, Any] | Response:
    """A dry run: all data read, tokenised and built, tokens, epochs, time and disk; nothing stored.

    Takes seconds to minutes; what it builds the study finds again. 422 says what is wrong.
    """
    if is_async(prefer):
        return controller.jobs.accept(
            request, "check_study", lambda: Done(answer=_checked(controller, spec))
        )
    return _checked(controller, spec)


def _checked(controller: Controller, spec: StudySpec) -> dict[str, Any]:
    try:
        found = _CHECKS.call("workers.study_check:check_study", spec, controller.worker_config)
    except DataError as error:
        raise BadInput(error.field, error.value, error.message) from error
    report: dict[str, Any] = found.model_dump(mode="json")
    return report


@router.patch("/{study_id}", dependencies=[SUBMIT], operation_id="change_study")
def patch(
    study_id: str,
    wanted: StudyChange,
    response: Response,
    controller: ControllerDep,
    change: ChangeDep,
    if_match: IfMatch = None,
) -> StudyStatus:
    """Note, tags, put away (`is_archived`), wait (`is_paused`); what is not given stays.

    Of a paused study nothing more is begun or proposed; what runs goes on.
    """
    with change.write() as session:
        seen = study_tag(get_study(session, study_id))
        require_match(if_match, seen, controller.settings.require_if_match)
        stored = change_study(session, study_id, wanted)
    response.headers["ETag"] = study_tag(stored)
    controller.scheduler.wake()
    controller.scheduler.announce_study(
        study_id, wanted.model_dump(mode="json", exclude_unset=True)
    )
    return study_status(controller, stored)


@router.post("/{study_id}/extend", dependencies=[SUBMIT], operation_id="extend_study")
def extend(
    study_id: str, wanted: Extension, controller: ControllerDep, change: CreationDep
) -> Extended:
    """More budget, seeds, shares, or a search; the same extension twice is one.

    The study keeps its id and its trials. 422 names a field that may not change, and why.
    """
    with change.write() as session:
        before = get_study(session, study_id)
        try:
            spec = wanted.applied_to(before.spec)
        except InvalidField as error:
            raise BadInput(error.field, error.value, str(error)) from error
        stored = replace_spec(session, study_id, spec)
        num_new = insert_trials(
            session, first_trials(spec, study_id, before.data_report["data_hashes"])
        )
        num_trials = sum(count_states(session, study_id).values())
        if num_trials > spec.budget.max_trials:
            # Raised inside the transaction, so that nothing of it stays.
            raise BadInput(
                "max_trials",
                spec.budget.max_trials,
                f"the study would have {num_trials} trials; give max_trials {num_trials} or more",
            )
        status = study_status(controller, stored, within=session)
        answer = change.answer(session, Extended(status=status, num_new=num_new))
    controller.searcher.add(stored)
    controller.scheduler.wake()
    controller.scheduler.announce_study(study_id, {"is_extended": True})
    return answer


@router.get(
    "/{study_id}/spec.yaml",
    operation_id="get_study_yaml",
    response_class=Response,
    responses={200: {"content": {"application/yaml": {"schema": {"type": "string"}}}}},
)
def spec_yaml(study_id: str, controller: ControllerDep) -> Response:
    """The study as YAML, to be changed and submitted as another."""
    study = stored_study(controller, study_id)
    return Response(study_yaml(study.spec), media_type="application/yaml")
