"""Which mixture to decay on, from a study's trials."""

from collections.abc import Sequence

from mixtures.observation import Observation
from mixtures.recommendation import NotEnoughTrials as NotEnoughTrials
from mixtures.recommendation import Recommendation
from mixtures.study import StudySpec
from mixtures.study_answer import answer_study


def recommend(study: StudySpec, observations: Sequence[Observation]) -> Recommendation:
    """The recommendation from the completed trials; raises NotEnoughTrials."""
    answer = answer_study(study, observations)
    if answer.recommendation is None:
        raise NotEnoughTrials(answer.no_recommendation)
    return answer.recommendation
