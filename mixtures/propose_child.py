"""`propose` as a child process runs it: what one proposal leaves for the next stays here."""

from collections import OrderedDict
from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from mixtures.propose import Memory, Proposal, propose
from mixtures.rank import Observation
from mixtures.search_points import Pending
from mixtures.study import StudySpec

_MOST_STUDIES = 16
_MEMORIES: OrderedDict[str, Memory] = OrderedDict()


def warm() -> None:
    """Nothing but to be there: the imports took a second or two."""


def propose_for(
    study_id: str,
    study: StudySpec,
    observations: Sequence[Observation],
    pending: Pending,
    num: int,
    deadline_seconds: float,
) -> Proposal:
    """See `propose`."""
    memory = _MEMORIES.pop(study_id, None) or Memory()
    _MEMORIES[study_id] = memory
    while len(_MEMORIES) > _MOST_STUDIES:
        _MEMORIES.popitem(last=False)
    # The matrices are small, and workers are busy beside us.
    with threadpool_limits(1):
        return propose(study, observations, pending, num, deadline_seconds, memory)
