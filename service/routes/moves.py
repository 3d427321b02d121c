"""How answers move: transfer score, Pareto front, best shares, effects, and across proxies."""

from typing import Annotated

from fastapi import APIRouter, Query

from db.studies import get_study
from mixtures.across_proxies import FULL_PARAMETERS, AcrossProxies
from mixtures.best_share_moves import BestShares
from mixtures.factor_effects import FactorEffects
from mixtures.front import ParetoFront
from mixtures.transfer_score import TransferObjective
from mixtures.value import InvalidField
from service.errors import BadInput
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep

router = APIRouter(prefix="/v1", tags=["answers"], dependencies=[READ])

Objectives = Annotated[
    list[str] | None,
    Query(description="benchmarks or groups, each as NAME or NAME:METRIC; else the groups"),
]
Studies = Annotated[
    list[str], Query(min_length=1, description="ids; one is enough where `proxy` is its factor")
]
Parameters = Annotated[
    list[int] | None,
    Query(description="of each study's model, without its embedding, in the order of `study`"),
]


@router.get("/studies/{study_id}/transfer", operation_id="get_transfer")
def get_transfer(study_id: str, controller: ControllerDep) -> TransferObjective:
    """The transfer score: each benchmark's weight times its out-of-fold R2.

    409 while there are too few trials, or where no benchmark is predictable.
    """
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        return controller.answers.transfer(session, study)


@router.get("/studies/{study_id}/best-shares", operation_id="get_best_shares")
def get_best_shares(study_id: str, controller: ControllerDep) -> BestShares:
    """The best SFT share by benchmark, group and composition.

    409 while there are too few trials.
    """
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        return controller.answers.best_shares(session, study)


@router.get("/studies/{study_id}/pareto", operation_id="get_pareto")
def get_pareto(
    study_id: str, controller: ControllerDep, objective: Objectives = None
) -> ParetoFront:
    """The mixtures that no other beats in every objective, and how probably each is one of them.

    409 while there are too few trials.
    """
    study = stored_study(controller, study_id)
    try:
        with controller.database.read() as session:
            return controller.answers.pareto(session, study, objective)
    except InvalidField as error:
        raise BadInput(error.field, error.value, str(error)) from error


@router.get("/studies/{study_id}/effects", operation_id="get_effects")
def get_effects(
    study_id: str, controller: ControllerDep, objective: str | None = None
) -> FactorEffects:
    """What more of each source does to the objective, or to one benchmark, group or metric.

    409 while there are too few trials.
    """
    study = stored_study(controller, study_id)
    try:
        with controller.database.read() as session:
            return controller.answers.effects(session, study, objective)
    except InvalidField as error:
        raise BadInput(error.field, error.value, str(error)) from error


@router.get("/across-proxies", operation_id="get_across_proxies")
def get_across_proxies(
    controller: ControllerDep,
    study: Studies,
    parameters: Parameters = None,
    full_parameters: Annotated[int, Query(gt=0)] = FULL_PARAMETERS,
) -> AcrossProxies:
    """Whether smaller models say what larger ones say, and the best share of the full model.

    `parameters` are needed where a study is trained outside. 409 while there are too few trials.
    """
    if parameters and len(parameters) != len(study):
        raise BadInput(
            "parameters", parameters, f"{len(parameters)} numbers for {len(study)} studies"
        )
    with controller.database.read() as session:
        stored = [get_study(session, study_id) for study_id in study]
        outside = [one.id for one in stored if one.spec.trained_by == "outside"]
        if outside and not parameters:
            raise BadInput(
                "parameters",
                parameters,
                f"{', '.join(outside)} is trained outside, so the size of its model is not known; "
                "give the parameters of each study's model",
            )
        sizes = parameters or [one.spec.proxy.num_non_embedding_parameters for one in stored]
        if min(sizes) < 1:
            raise BadInput("parameters", parameters, "expected 1 or more for each study")
        try:
            return controller.answers.across_proxies(
                session, list(zip(stored, sizes, strict=True)), full_parameters
            )
        except InvalidField as error:
            raise BadInput(error.field, error.value, str(error)) from error
