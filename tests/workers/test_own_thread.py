"""Calls that may never come back do not keep the process from its end."""

import asyncio
import threading

import pytest

from tests.workers.child import run_in_child
from workers.own_thread import in_own_thread

HANGS = """
import asyncio, threading
from workers.own_thread import in_own_thread

async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_own_thread(threading.Event().wait)
    except TimeoutError:
        print("left", flush=True)

asyncio.run(main())
"""


def test_it_gives_what_the_function_returns_or_raises() -> None:
    def fail() -> None:
        raise ValueError("no such head")

    main = threading.get_ident()
    assert asyncio.run(in_own_thread(threading.get_ident)) != main
    with pytest.raises(ValueError, match="no such head"):
        asyncio.run(in_own_thread(fail))


def test_a_process_ends_while_a_call_hangs() -> None:
    assert run_in_child(HANGS) == (0, "left\n", "")


def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    async def leave() -> None:
        go = threading.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await in_own_thread(go.wait)
        go.set()
        await asyncio.sleep(0.05)

    asyncio.run(leave())
