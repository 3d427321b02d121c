"""What lives in a worker process: runs a trial, or packed ones at once, and answers meanwhile."""

import errno
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mixtures.trial import FailureKind, Progress, TrialFailure, TrialResult, TrialSpec
from workers.config import WorkerConfig
from workers.interrupted import TrialCancelled, TrialStopped

# Full, over its quota, read-only, broken, or a file larger than allowed.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)


class Runner(Protocol):
    """`workers.run.TrialRunner`, or a stand-in that does no training."""

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult: ...


class TrialWorker:
    """`run` blocks for minutes in a thread, one for each trial of a pack; `progress` and `cancel`
    are called from others.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        # Of the trials that run here: where they stand, None before their first word.
        self._progress: dict[str, Progress | None] = {}
        self._cancelled: set[str] = set()
        self._is_stopping = False

    def run(self, spec: TrialSpec, attempt: int) -> TrialResult | TrialFailure:
        """One attempt; whatever the trial raises comes back as a TrialFailure."""
        trial_id = spec.trial_id
        with self._lock:
            self._progress[trial_id] = None
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
                del self._progress[trial_id]
                # A late word about this attempt must not stop a later one.
                self._cancelled.discard(trial_id)

    def progress(self) -> list[Progress]:
        """Where the running attempts stand; none between attempts."""
        with self._lock:
            return [one for one in self._progress.values() if one is not None]

    def cancel(self, trial_id: str) -> None:
        """The trial, if it runs here, stops at its next step."""
        with self._lock:
            if trial_id in self._progress:
                self._cancelled.add(trial_id)

    def stop(self) -> None:
        """What runs here ends at its next step, where a decay saves itself; nothing begins."""
        with self._lock:
            self._is_stopping = True

    def _on_progress(self, progress: Progress) -> None:
        with self._lock:
            self._progress[progress.trial_id] = progress
            if progress.trial_id in self._cancelled:
                raise TrialCancelled("cancelled by the user")
            if self._is_stopping:
                raise TrialStopped("stopped with its controller")


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


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, TrialCancelled):
        return "cancelled"
    if isinstance(error, TrialStopped):
        return "stopped"
    if _is_out_of_memory(error):
        return "out_of_memory"
    # What is raised for a disk that fails may have been put into the words of a study's field.
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, OSError) and cause.errno in _DISK:
        return "disk"
    return "not_finite" if isinstance(error, ArithmeticError) else "error"


def _is_out_of_memory(error: Exception) -> bool:
    """torch has its own error on a GPU, and a RuntimeError of these words on a CPU."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "not enough memory" in str(error))
    )
