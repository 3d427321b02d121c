"""A Ray that begins puts handlers for SIGINT and SIGTERM in place that abort the process at once.

Python's own are still known, and are put back while Ray begins: a controller that is told to end in
that moment ends in good order.
"""

import asyncio
import signal
import threading
from collections.abc import Callable

# So long at most a signal may meet Ray's handlers.
_SECONDS = 0.02


async def begin_with_our_signals(begin: Callable[[], None]) -> None:
    """Run `begin` in a thread of the loop's pool, which stays: Linux ends the processes that Ray
    starts with the thread that started them. What it raises is raised here.
    """
    work = asyncio.ensure_future(asyncio.to_thread(begin))
    while not work.done():
        await asyncio.wait([work], timeout=_SECONDS)
        _handle_signals_again()
    await work


def _handle_signals_again() -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)
