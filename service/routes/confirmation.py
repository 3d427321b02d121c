"""A study's confirmation: ask for it, and read what fresh seeds say."""

from fastapi import APIRouter, status

from mixtures.confirmation_found import ConfirmationAnswer
from service.change import CreationDep
from service.confirming import (
    ConfirmationWish,
    asked_before,
    asked_of,
    found_confirmation,
    inserted,
    planned,
)
from service.routes.studies import stored_study
from service.scopes import READ, SUBMIT
from service.state import ControllerDep

router = APIRouter(
    prefix="/v1/studies/{study_id}/confirmation", tags=["answers"], dependencies=[READ]
)


@router.post(
    "",
    dependencies=[SUBMIT],
    operation_id="confirm_study",
    status_code=status.HTTP_201_CREATED,
    responses={
        200: {"model": ConfirmationAnswer, "description": "It was asked of these scores before."}
    },
)
def confirm_study(
    study_id: str,
    controller: ControllerDep,
    change: CreationDep,
    wish: ConfirmationWish | None = None,
) -> ConfirmationAnswer:
    """Try what the study says on seeds that none of its trials has used, as a study of its own.

    The recommended mixture, the one of the best raw score and every baseline, each with every seed,
    and what of both was promised, as it is now. 409 while there is no recommendation.
    """
    wish = wish or ConfirmationWish()
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        asked = asked_of(session, controller.answers, study, wish)
    wanted = planned(asked, asked.answers())
    with change.write() as session:
        before = asked_before(session, study.id, wanted, wish.num_seeds)
        stored = before or inserted(session, asked, wanted, wish.num_seeds)
        answer = change.answer(
            session,
            found_confirmation(session, stored),
            status.HTTP_200_OK if before else status.HTTP_201_CREATED,
            location=f"/v1/studies/{stored.id}/confirmation",
        )
    controller.scheduler.wake()
    return answer


@router.get("", operation_id="get_confirmation")
def get_confirmation(study_id: str, controller: ControllerDep) -> ConfirmationAnswer:
    """Who won, by how much, and whether what the study promised held.

    Of a confirmation's own study, or the newest one of the study that was confirmed; 404 without.
    """
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        return found_confirmation(session, study)
