"""What lives in a worker process: runs one trial at a time, and answers while it does."""

import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec
from workers.config import WorkerConfig


class Runner(Protocol):
    """`workers.run.TrialRunner`, or a stand-in that does no training."""

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult: ...


class TrialCancelled(Exception):
    """The user cancelled the trial while it ran."""


class TrialWorker:
    """`run` blocks for minutes in one thread; `progress` and `cancel` are called from others."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._cancelled: str | None = None

    def run(self, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        """One attempt; whatever the trial raises comes back as a TrialFailure."""
        trial_id = spec.trial_id
        with self._lock:
            # A late word about an earlier attempt must not stop this one; the scheduler says it
            # again for as long as it is wanted.
            self._cancelled = None
        try:
            return self._runner.run(spec, attempt, self._on_progress)
        except Exception as error:
            return TrialFailure(
                trial_id=trial_id,
                attempt=attempt,
                kind=_kind(error),
                message=f"{type(error).__name__}: {error}",
                traceback=traceback.format_exc(),
            )
        finally:
            with self._lock:
                self._progress = None

    def progress(self) -> Progress | None:
        """Where the running attempt stands; None between attempts."""
        with self._lock:
            return self._progress

    def cancel(self, trial_id: str) -> None:
        """The trial, if it runs here, stops at its next step."""
        with self._lock:
            self._cancelled = trial_id

    def _on_progress(self, progress: Progress) -> None:
        with self._lock:
            self._progress = progress
            if self._cancelled == progress.trial_id:
                self._cancelled = None
                raise TrialCancelled("cancelled by the user")


def make_runner(home: str, data_roots: list[str], run_code: bool) -> Runner:
    """The real runner. Imports torch, so only a worker process calls it."""
    from workers.run import TrialRunner

    return TrialRunner(
        WorkerConfig(
            home=Path(home),
            data_roots=tuple(Path(root) for root in data_roots),
            run_code=run_code,
        )
    )


def _kind(error: Exception) -> str:
    if isinstance(error, TrialCancelled):
        return "cancelled"
    return "not_finite" if isinstance(error, ArithmeticError) else "error"
