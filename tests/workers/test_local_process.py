"""The child process for worker code: kept while it is used, gone when idle, never in the way."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from workers.files import DataError
from workers.local_process import ChildEnded, ChildKilled, LocalProcess, run_local

ROOT = Path(__file__).resolve().parents[2]

# A parent that starts its child and then hangs on a call.
PARENT = """
from workers.local_process import LocalProcess
process = LocalProcess()
print(process.call("os:getpid"), flush=True)
process.call("time:sleep", 60)
"""


@pytest.fixture
def process() -> Iterator[LocalProcess]:
    process = LocalProcess(idle_seconds=0.2)
    yield process
    wait_until(lambda: process._executor is None)


def is_alive(pid: int) -> bool:
    """False for a zombie as well."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    # The second where it ends between the opening and the reading.
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_function_runs_in_a_process_of_its_own_that_is_kept_until_idle(
    process: LocalProcess,
) -> None:
    pid = process.call("os:getpid")
    assert pid != os.getpid()
    assert process.call("os:getpid") == pid
    assert process.call("operator:add", 2, 3) == 5
    wait_until(lambda: not is_alive(pid))
    # The next call brings another.
    assert process.call("os:getpid") != pid


def test_what_the_function_raises_is_raised_here(process: LocalProcess) -> None:
    with pytest.raises(ZeroDivisionError):
        process.call("operator:truediv", 1, 0)
    with pytest.raises(DataError) as caught:
        process.call("tests.workers.test_local_process:refuse", "sums.jsonl")
    assert (caught.value.field, caught.value.value) == ("sources.sums.files", "sums.jsonl")
    assert caught.value.message == "no such file"


def refuse(name: str) -> None:
    raise DataError("sources.sums.files", name, "no such file")


def test_a_child_that_is_killed_is_an_error_and_is_replaced(process: LocalProcess) -> None:
    with pytest.raises(RuntimeError, match="the process that ran os:_exit was killed"):
        process.call("os:_exit", 9)
    assert process.call("operator:add", 2, 3) == 5


def test_calls_come_one_after_the_other(process: LocalProcess) -> None:
    process.call("os:getpid")
    started = time.monotonic()
    threads = [threading.Thread(target=process.call, args=("time:sleep", 0.15)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started >= 0.45


def test_a_call_that_takes_longer_than_the_idle_time_is_not_cut_off(process: LocalProcess) -> None:
    process.call("os:getpid")
    process.call("time:sleep", 0.5)
    assert process.call("operator:add", 2, 3) == 5


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_the_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", f"if __name__ == '__main__':\n{_indented(PARENT)}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(child))
    parent.stdout.close()


def test_closing_ends_a_child_that_is_busy_and_whoever_waits_is_told_so() -> None:
    process = LocalProcess()
    child = process.call("os:getpid")
    told: list[Exception] = []

    def wait() -> None:
        try:
            process.call("time:sleep", 300)
        except ChildKilled as error:
            told.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_until(lambda: process._num_calls)
    process.close()
    wait_until(lambda: not is_alive(child))
    waiting.join(20)
    assert [type(error) for error in told] == [ChildEnded]


def test_a_child_that_was_killed_at_rest_is_told_of_once_and_then_replaced() -> None:
    process = LocalProcess()
    child = process.call("os:getpid")
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: process._executor is None or process._executor._broken)
    with pytest.raises(ChildKilled, match="killed"):
        process.call("os:getpid")
    assert process.call("os:getpid") != child
    process.close()


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.strip().splitlines())


def test_the_one_door_is_such_a_process() -> None:
    assert run_local("operator:mul", 6, 7) == 42
