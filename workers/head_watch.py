"""Finds out that Ray's head has died: by itself the driver waits a minute, and then ends itself."""

import asyncio
from collections.abc import Callable

# How often is looked, and how many looks in a row find nobody at home before it counts as dead: a
# head that is only slow answers a connection all the same.
LOOK_SECONDS = 1.0
LOOKS = 5
_CONNECT_SECONDS = 3.0


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
