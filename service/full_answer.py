"""A recommendation with all that goes with it: verdicts on the study's claims and, of several
objectives, their Pareto front.

The front rests on a surrogate of each objective, a fit of its own: who lists studies or draws a
leaderboard does not wait for it, who asks for the recommendation does. It is the same fit, under
the same key, that `GET /v1/studies/{id}/pareto` answers with.
"""

from db.database import Session
from db.studies import StoredStudy
from mixtures.front import shown_front
from mixtures.named_objectives import default_objectives
from mixtures.recommendation import NotEnoughTrials, Recommendation
from service.answers import ANSWER_SECONDS, Answers, FitNotReady
from service.study_verdicts import study_verdicts


def full_recommendation(
    answers: Answers, session: Session, study: StoredStudy, seconds: float = ANSWER_SECONDS
) -> Recommendation:
    """Raises NotEnoughTrials, and FitNotReady where a fit takes longer than `seconds`."""
    found = answers.recommendation(session, study, seconds)
    found = with_verdicts(answers, session, study, found, seconds)
    return with_front(answers, session, study, found, seconds)


def with_front(
    answers: Answers,
    session: Session,
    study: StoredStudy,
    recommendation: Recommendation,
    seconds: float = ANSWER_SECONDS,
) -> Recommendation:
    """The recommendation as it is where the study has one objective; raises FitNotReady.

    Where there are enough trials for it and too few for a front, a note says so.
    """
    names, _ = default_objectives(study.spec)
    if len(names) < 2:
        return recommendation
    try:
        front = shown_front(answers.pareto(session, study, None, seconds))
    except FitNotReady:
        raise
    except NotEnoughTrials as error:
        return with_note(recommendation, f"There is no Pareto front yet: {error}.")
    return recommendation.model_copy(update={"front": front})


def with_verdicts(
    answers: Answers,
    session: Session,
    study: StoredStudy,
    recommendation: Recommendation,
    seconds: float = ANSWER_SECONDS,
) -> Recommendation:
    """With what the trials say of the study's claims; raises FitNotReady."""
    found = study_verdicts(answers, session, study, None, seconds)
    return recommendation.model_copy(update={"verdicts": found}) if found else recommendation


def with_note(recommendation: Recommendation, note: str) -> Recommendation:
    return recommendation.model_copy(update={"notes": (*recommendation.notes, note)})
