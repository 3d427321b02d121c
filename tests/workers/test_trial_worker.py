"""The worker: whatever a trial raises is an answer, and it can be asked and stopped meanwhile."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mixtures.trial import Progress, TrialFailure, TrialResult, TrialSpec
from tests.db.made_up import make_result
from tests.mixtures.share_study import make_trial
from workers.config import WorkerConfig
from workers.files import DataError
from workers.run import TrialRunner
from workers.train import NotFiniteLoss
from workers.trial_worker import TrialWorker, make_runner


class Scripted:
    """Reports `steps` steps, waits at each for `gate` if there is one, and ends as told."""

    def __init__(self, end: Exception | None = None, steps: int = 3) -> None:
        self.end, self.steps = end, steps
        self.gate: threading.Event | None = None
        self.step_taken = threading.Event()
        self.steps_done = 0

    def run(
        self, spec: TrialSpec, attempt: int, on_progress: Callable[[Progress], None]
    ) -> TrialResult:
        for step in range(self.steps):
            on_progress(
                Progress(
                    trial_id=spec.trial_id,
                    attempt=attempt,
                    phase="decay",
                    done=step,
                    total=self.steps,
                )
            )
            self.steps_done += 1
            self.step_taken.set()
            if self.gate is not None:
                assert self.gate.wait(60)
        if self.end is not None:
            raise self.end
        return make_result(spec.trial_id, attempt, math=1.0)


def in_thread(worker: TrialWorker, spec: TrialSpec) -> tuple[threading.Thread, list[object]]:
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(worker.run(spec, 1)))
    thread.start()
    return thread, answers


def test_a_result_comes_back_as_it_is() -> None:
    spec = make_trial()
    assert TrialWorker(Scripted()).run(spec, 4) == make_result(spec.trial_id, 4, math=1.0)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (RuntimeError("the disk sneezed"), "error", "RuntimeError: the disk sneezed"),
        (NotFiniteLoss("loss is nan at step 3"), "not_finite", "NotFiniteLoss: loss is nan at"),
        (MemoryError(), "out_of_memory", "MemoryError: "),
        (
            RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 byte"),
            "out_of_memory",
            "RuntimeError: DefaultCPUAllocator",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "disk", "OSError: [Errno 28] No space"),
        (OSError(errno.EROFS, "Read-only file system"), "disk", "OSError: [Errno 30] Read-only"),
        (FileNotFoundError(errno.ENOENT, "gone"), "error", "FileNotFoundError: [Errno 2] gone"),
    ],
)
def test_what_a_trial_raises_comes_back_with_its_traceback(
    error: Exception, kind: str, message: str
) -> None:
    spec = make_trial()
    failure = TrialWorker(Scripted(error)).run(spec, 2)
    assert isinstance(failure, TrialFailure)
    assert (failure.trial_id, failure.attempt, failure.kind) == (spec.trial_id, 2, kind)
    assert failure.message.startswith(message)
    assert "test_trial_worker.py" in failure.traceback


def test_progress_is_there_while_a_trial_runs_and_not_after() -> None:
    runner = Scripted()
    runner.gate = threading.Event()
    worker, spec = TrialWorker(runner), make_trial()
    assert worker.progress() == []
    thread, answers = in_thread(worker, spec)
    assert runner.step_taken.wait(60)
    (progress,) = worker.progress()
    assert (progress.trial_id, progress.attempt, progress.total) == (spec.trial_id, 1, 3)
    runner.gate.set()
    thread.join()
    assert len(answers) == 1
    assert worker.progress() == []


def test_a_failed_trial_leaves_no_progress_behind() -> None:
    worker = TrialWorker(Scripted(RuntimeError("no")))
    worker.run(make_trial(), 1)
    assert worker.progress() == []


def test_a_cancelled_trial_stops_at_its_next_step() -> None:
    runner = Scripted(steps=100)
    runner.gate = threading.Event()
    worker, spec = TrialWorker(runner), make_trial()
    thread, answers = in_thread(worker, spec)
    assert runner.step_taken.wait(60)
    worker.cancel(spec.trial_id)
    runner.gate.set()
    thread.join()
    (failure,) = answers
    assert isinstance(failure, TrialFailure)
    assert failure.kind == "cancelled"
    assert runner.steps_done == 1


def test_a_worker_that_stops_ends_what_runs_and_begins_nothing() -> None:
    runner = Scripted(steps=100)
    runner.gate = threading.Event()
    worker, spec = TrialWorker(runner), make_trial()
    thread, answers = in_thread(worker, spec)
    assert runner.step_taken.wait(60)
    worker.stop()
    runner.gate.set()
    thread.join()
    later = worker.run(spec, 2)
    for failure in (answers[0], later):
        assert isinstance(failure, TrialFailure)
        assert failure.kind == "stopped"
    assert runner.steps_done == 1


def test_a_full_disk_is_known_in_other_words_too() -> None:
    class Worded(Scripted):
        def run(self, *_: object) -> TrialResult:
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            except OSError as error:
                raise DataError("sources.web", "web", "cannot be written") from error

    failure = TrialWorker(Worded()).run(make_trial(), 1)
    assert isinstance(failure, TrialFailure)
    assert failure.kind == "disk"


def test_a_word_about_another_trial_or_an_earlier_attempt_stops_nothing() -> None:
    runner = Scripted()
    runner.gate = threading.Event()
    worker, spec = TrialWorker(runner), make_trial()
    worker.cancel(spec.trial_id)  # before the attempt: it was about one that is gone
    thread, answers = in_thread(worker, spec)
    assert runner.step_taken.wait(60)
    worker.cancel("another")
    runner.gate.set()
    thread.join()
    assert isinstance(answers[0], TrialResult)


def test_a_worker_goes_on_after_a_cancelled_trial() -> None:
    runner = Scripted(steps=2)
    runner.gate = threading.Event()
    worker, spec = TrialWorker(runner), make_trial()
    thread, _ = in_thread(worker, spec)
    assert runner.step_taken.wait(60)
    worker.cancel(spec.trial_id)
    runner.gate.set()
    thread.join()
    assert isinstance(worker.run(spec, 2), TrialResult)


def test_the_real_runner_gets_its_folders_as_text() -> None:
    runner = make_runner("/the/home", ["/data/one", "/data/two"], True)
    assert isinstance(runner, TrialRunner)
    assert runner.config == WorkerConfig(
        home=Path("/the/home"), data_roots=(Path("/data/one"), Path("/data/two")), run_code=True
    )
