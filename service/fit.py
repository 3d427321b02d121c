"""A fit that runs in the child process, or has run: its answer, or why there is none yet."""

from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass, field
from typing import Any

from mixtures.observation import Observation
from mixtures.recommendation import NotEnoughTrials
from mixtures.value import InvalidField
from workers.pool import ChildEnded, ChildKilled


class FitNotReady(NotEnoughTrials):
    """The fit of these scores takes longer than anybody waits; it goes on, and is kept."""


@dataclass(slots=True)
class Fit:
    """Of `num_trials` completed trials. `found` are these while it is made: who does not wait for
    it has them without reading them again.
    """

    num_trials: int
    future: Future[Any] = field(default_factory=Future)
    found: Sequence[Observation] | None = None

    def __post_init__(self) -> None:
        if self.found is not None:
            self.future.add_done_callback(self._forget)

    def _forget(self, _: Future[Any]) -> None:
        # A hundred thousand trials are not kept for the sake of one answer.
        self.found = None

    def result(self, seconds: float) -> Any:
        """Waits so long; raises FitNotReady, and what the fit raised."""
        try:
            return self.future.result(seconds)
        except (NotDone, CancelledError) as error:
            raise FitNotReady(
                f"the fit of these {self.num_trials} trials is not done yet; it goes on, ask again"
            ) from error
        except ChildEnded as error:
            raise FitNotReady(
                f"the controller ends; the fit of these {self.num_trials} trials is made after its "
                "next start"
            ) from error
        except ChildKilled as error:
            raise FitNotReady(
                f"the process that fitted these {self.num_trials} trials was killed, for want of "
                "memory perhaps; ask again"
            ) from error

    @property
    def is_broken(self) -> bool:
        """Whether it gave no answer: that there is too little to fit is one."""
        if self.future.cancelled():
            return True
        answers = (NotEnoughTrials, InvalidField)
        error = self.future.exception() if self.future.done() else None
        return error is not None and not isinstance(error, answers)


def done(num_trials: int, answer: Any) -> Fit:
    """Of what takes no time."""
    fit = Fit(num_trials)
    fit.future.set_result(answer)
    return fit
