"""Each call of the API, once: plain JSON back, problems as exceptions (`decaymix.problems`)."""

from decaymix.access_calls import AccessCalls
from decaymix.answer_calls import AnswerCalls
from decaymix.study_calls import StudyCalls
from decaymix.trial_calls import TrialCalls


class Calls(StudyCalls, TrialCalls, AnswerCalls, AccessCalls):
    """What a controller can be asked for."""
