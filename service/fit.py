"""A fit that runs in the child process, or has run: its answer, or why there is none yet."""

from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass, field
from typing import Any

from mixtures.recommendation import NotEnoughTrials
from mixtures.value import InvalidField
from workers.pool import ChildKilled


class FitNotReady(NotEnoughTrials):
    """The fit of these scores takes longer than anybody waits; it goes on, and is kept."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Of `num_trials` completed trials."""

    num_trials: int
    future: Future[Any] = field(default_factory=Future)

    def result(self, seconds: float) -> Any:
        """Waits so long; raises FitNotReady, and what the fit raised."""
        try:
            return self.future.result(seconds)
        except (NotDone, CancelledError) as error:
            raise FitNotReady(
                f"the fit of these {self.num_trials} trials is not done yet; it goes on, ask again"
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
