"""Loads what is to be compared; the page and the API's route both come from here."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from db.scores import observations
from db.studies import StoredStudy, UnknownStudy, count_states, get_study
from db.trials import StoredTrial, UnknownTrial, get_trial
from mixtures.across_proxies import AcrossProxies
from mixtures.compare_studies import ChosenStudy, StudyComparison, compare_studies
from mixtures.compare_trials import compare_trials
from mixtures.rank import Observation
from mixtures.recommend import NotEnoughTrials
from mixtures.trial import TrialState
from mixtures.trial_comparison import ChosenTrial, TrialComparison
from service.errors import BadInput
from service.routes.moves import get_across_proxies
from service.state import Controller

Stored = TypeVar("Stored")

MOST_TRIALS, MOST_STUDIES = 200, 6
# The noise is known well enough from so many; the fit of its model grows with their cube.
_MOST_FOR_NOISE = 300


def comparison_of_trials(controller: Controller, trial_ids: Sequence[str]) -> TrialComparison:
    """2 to 200 trials, of one study or several. Raises BadInput, which names ids that are wrong."""
    wanted = _distinct("trial", trial_ids, MOST_TRIALS)
    with controller.database.read() as session:
        found = _stored("trial", wanted, partial(get_trial, session), UnknownTrial)
        studies = {
            study_id: get_study(session, study_id)
            for study_id in dict.fromkeys(trial.study_id for trial in found)
        }
        metric = studies[found[0].study_id].spec.objective.metric
        observed = {study_id: _observed(controller, study_id, metric) for study_id in studies}
    return compare_trials(
        {study_id: study.spec for study_id, study in studies.items()},
        [_chosen(trial) for trial in found],
        observed,
    )


def comparison_of_studies(controller: Controller, study_ids: Sequence[str]) -> StudyComparison:
    """2 to 6 studies. Raises BadInput, which names ids that are wrong."""
    wanted = _distinct("study", study_ids, MOST_STUDIES)
    with controller.database.read() as session:
        found = _stored("study", wanted, partial(get_study, session), UnknownStudy)
    return compare_studies([_chosen_study(controller, study) for study in found])


def across_or_reason(
    controller: Controller, study_ids: Sequence[str]
) -> tuple[AcrossProxies | None, str]:
    """What models of different sizes say of each other, or None and the sentence why not.

    None and no sentence where all are of one size: then there is nothing to ask.
    """
    with controller.database.read() as session:
        studies = [get_study(session, one) for one in dict.fromkeys(study_ids)]
    sizes = {one.spec.proxy.num_non_embedding_parameters for one in studies}
    if len(sizes) < 2:
        return None, ""
    try:
        return get_across_proxies(controller, [one.id for one in studies]), ""
    except (BadInput, NotEnoughTrials) as error:
        return None, error.message if isinstance(error, BadInput) else str(error)


def require_one_kind(trial_ids: Sequence[str], study_ids: Sequence[str]) -> None:
    """Raises BadInput unless there are either trials or studies."""
    if bool(trial_ids) == bool(study_ids):
        given = "both trials and studies" if trial_ids else "neither trials nor studies"
        raise BadInput("trial", [*trial_ids, *study_ids], f"{given} given; give one kind")


def _distinct(kind: str, ids: Sequence[str], most: int) -> list[str]:
    wanted = list(dict.fromkeys(ids))
    if not 2 <= len(wanted) <= most:
        many = "trials" if kind == "trial" else "studies"
        raise BadInput(kind, wanted, f"{len(wanted)} {many} given; give 2 to {most} different ones")
    return wanted


def _stored(
    kind: str, ids: Sequence[str], get: Callable[[str], Stored], error: type[Exception]
) -> list[Stored]:
    """What `get` gives for each id. Raises BadInput, which names all that raise `error`."""
    found: list[Stored] = []
    unknown = []
    for one in ids:
        try:
            found.append(get(one))
        except error:
            unknown.append(one)
    if unknown:
        raise BadInput(kind, unknown, f"there is no {kind} {', '.join(unknown)}")
    return found


def _observed(controller: Controller, study_id: str, metric: str) -> list[Observation]:
    """Trials to know the noise from; of a very large study none but those that are compared."""
    with controller.database.read() as session:
        num = count_states(session, study_id)[TrialState.COMPLETE]
        return [] if num > _MOST_FOR_NOISE else observations(session, study_id, metric)


def _chosen(trial: StoredTrial) -> ChosenTrial:
    return ChosenTrial(
        trial_id=trial.id,
        study_id=trial.study_id,
        state=trial.state,
        shares=trial.spec.mixture.shares,
        sft_share=trial.spec.sft_share,
        seed=trial.spec.seed,
        scores=trial.result.scores if trial.result else (),
        factors=trial.spec.factors,
    )


def _chosen_study(controller: Controller, study: StoredStudy) -> ChosenStudy:
    with controller.database.read() as session:
        board = controller.answers.leaderboard(session, study)
        try:
            recommendation, why_none = controller.answers.recommendation(session, study), ""
        except NotEnoughTrials as error:
            recommendation, why_none = None, str(error)
    return ChosenStudy(
        study_id=study.id,
        spec=study.spec,
        board=board,
        recommendation=recommendation,
        why_none=why_none,
    )
