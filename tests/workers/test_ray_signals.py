"""A SIGTERM while Ray begins ends the process in good order."""

import asyncio
import threading

import pytest

from tests.workers.child import run_in_child
from workers.ray_signals import begin_with_our_signals

# As Ray does it: in C, behind Python's back.
TAKES_SIGNALS = """
import asyncio, ctypes, os, signal, time
from workers.ray_signals import begin_with_our_signals

def begin():
    default = ctypes.c_void_p(0)
    ctypes.CDLL(None).signal(signal.SIGTERM, default)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.1)

signal.signal(signal.SIGTERM, lambda *_: print("in order", flush=True))
asyncio.run(begin_with_our_signals(begin))
"""


def test_a_signal_while_ray_begins_meets_our_handler() -> None:
    assert run_in_child(TAKES_SIGNALS) == (0, "in order\n", "")


def test_what_fails_at_the_beginning_is_raised() -> None:
    def fail() -> None:
        raise ConnectionError("no head at 192.0.2.1")

    with pytest.raises(ConnectionError, match="no head"):
        asyncio.run(begin_with_our_signals(fail))


def test_it_begins_in_a_thread_that_is_there_afterwards() -> None:
    async def begin() -> bool:
        found: list[threading.Thread] = []
        await begin_with_our_signals(lambda: found.append(threading.current_thread()))
        return found[0].is_alive()

    assert asyncio.run(begin())
