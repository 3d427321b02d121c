"""One function of worker code in a child process, so that the controller stays small and free.

The child is kept for a minute after its last call, because importing what it needs takes longer
than most calls; then it ends.
"""

import importlib
import multiprocessing
import os
import threading
import time
from concurrent.futures import CancelledError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

IDLE_SECONDS = 60.0
_PARENT_POLL_SECONDS = 1.0


class ChildKilled(RuntimeError):
    """The child died on a call, for want of memory perhaps; the next call has another."""


class ChildEnded(ChildKilled):
    """`close` ended the child on a call."""


class LocalProcess:
    """A child process that comes with the first call and goes when idle; one call at a time."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._last_call, self._num_calls = 0.0, 0
        self._closed: ProcessPoolExecutor | None = None

    def call(self, function: str, *arguments: Any) -> Any:
        """`module:name` called with picklable arguments; what it raises is raised here.

        Raises ChildKilled, ChildEnded.
        """
        return self.call_within(None, function, *arguments)

    def call_within(self, seconds: float | None, function: str, *arguments: Any) -> Any:
        """The same; raises TimeoutError where the answer does not come in time.

        The child goes on with what it has begun, and a next call waits for that.
        """
        with self._lock:
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    max_workers=1,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_end_with_parent,
                )
            executor = self._executor
            try:
                answer = executor.submit(_call, function, arguments)
            except BrokenProcessPool as error:
                self._executor = None
                raise ChildKilled(f"the process to run {function} was killed") from error
            self._num_calls += 1
        # The lock is free meanwhile, so that `close` need not wait for a long call.
        try:
            return answer.result(seconds)
        except CancelledError as error:
            # `close` came before the child had begun with it.
            raise ChildEnded(f"the process that was to run {function} was ended") from error
        except BrokenProcessPool as error:
            with self._lock:
                if self._executor is executor:
                    self._executor = None
                is_closed = self._closed is executor
            if is_closed:
                raise ChildEnded(f"the process that ran {function} was ended") from error
            raise ChildKilled(f"the process that ran {function} was killed") from error
        finally:
            with self._lock:
                self._last_call = time.monotonic()
                self._num_calls -= 1
            timer = threading.Timer(self._idle_seconds, self._end_if_idle)
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        """End the child now, whatever it does."""
        with self._lock:
            executor, self._executor = self._executor, None
            self._closed = executor
        if executor is not None:
            # Before the shutdown, which forgets them.
            children = list((executor._processes or {}).values())
            executor.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.terminate()

    def _end_if_idle(self) -> None:
        with self._lock:
            # A call since this timer's has set a timer of its own.
            is_idle = time.monotonic() - self._last_call >= 0.9 * self._idle_seconds
            if self._num_calls or not is_idle:
                return
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()


_PROCESS = LocalProcess()


def run_local(function: str, *arguments: Any) -> Any:
    """The one door for commands that need no worker: see LocalProcess.call."""
    return _PROCESS.call(function, *arguments)


def _call(function: str, arguments: tuple[Any, ...]) -> Any:
    module, name = function.split(":")
    return getattr(importlib.import_module(module), name)(*arguments)


def _end_with_parent() -> None:
    """A parent that is killed closes nothing; without this its child would wait for ever."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
