"""Finds out that Ray's head is not there, before a start and after one.

By itself a driver tries for minutes to reach a head that was never there, in which no signal ends
it, and waits a minute for one that died, and then ends itself.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

# How often is looked, and how many looks in a row find nobody at home before it counts as dead: a
# head that is only slow answers a connection all the same.
LOOK_SECONDS = 1.0
LOOKS = 5
_CONNECT_SECONDS = 3.0
# How long a controller waits for a head that is started together with it.
WAIT_SECONDS = 30.0


class BadHeadAddress(ValueError):
    """Not HOST:PORT: of Ray's other forms, ray:// has no actors that could be watched, and `auto`
    finds any cluster of this machine.
    """


class HeadUnreachable(RuntimeError):
    """Nothing takes a connection at the address of a head that somebody else starts."""


async def wait_for_head(address: str) -> None:
    """Until the head at `address`, HOST:PORT, takes a connection.

    Raises BadHeadAddress at once, HeadUnreachable after WAIT_SECONDS.
    """
    if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}", address):
        raise BadHeadAddress(
            f"RAY_ADDRESS is {address!r}; expected HOST:PORT, as `ray start --head` prints it,"
            " e.g. head:6379"
        )
    head = HeadWatch(address, list)
    deadline = time.monotonic() + WAIT_SECONDS
    has_said = False
    while not await head.answers():
        if not has_said:
            log.warning("Ray's head at %s does not answer yet; it is waited for", address)
            has_said = True
        if time.monotonic() >= deadline:
            raise HeadUnreachable(
                f"RAY_ADDRESS is {address}, and nothing answers there after {WAIT_SECONDS:.0f} s;"
                " run `ray start --head` on that machine, or unset it for a Ray of the"
                " controller's own"
            )
        await asyncio.sleep(LOOK_SECONDS)


class HeadWatch:
    """`address` is of Ray's control store; `dead_processes` names those of our own that ended."""

    def __init__(self, address: str, dead_processes: Callable[[], list[str]]) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._dead_processes = dead_processes

    async def until_dead(self) -> str:
        """Returns why it is taken for dead."""
        num_failed = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if dead := self._dead_processes():
                return f"{' and '.join(dead)} ended"
            num_failed = 0 if await self.answers() else num_failed + 1
            if num_failed >= LOOKS:
                return f"nothing answers at {self._host}:{self._port}"

    async def answers(self) -> bool:
        """Whether a connection is taken."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True
