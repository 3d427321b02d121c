"""A loop of the controller that outlives a turn that fails: a full disk must not end it for good.

What went wrong is logged once, stands in `trouble` until a turn has gone well again, and so in
`/readyz`.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

# After a turn that failed: what is wrong with a disk or a database lasts longer than a tick.
PAUSE_SECONDS = 1.0


class SteadyLoop:
    """`turn` again and again, `name` says whose; it waits between turns by itself."""

    def __init__(self, name: str, turn: Callable[[], Awaitable[None]]) -> None:
        self._name, self._turn = name, turn
        self._task: asyncio.Task[None] | None = None
        # What the last turn failed by; None while all is well.
        self.trouble: str | None = None

    def start(self) -> None:
        """In the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the turn that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def is_alive(self) -> bool:
        """False before `start` and after `stop`."""
        return self._task is not None and not self._task.done()

    @property
    def state(self) -> str:
        """`ok`, `stopped`, or what the last turn failed by, in one line."""
        if not self.is_alive:
            return "stopped"
        return self.trouble or "ok"

    async def _run(self) -> None:
        while True:
            try:
                await self._turn()
            except Exception as error:
                # Whatever it is, the turns go on: a loop that ends is work that nobody does until
                # somebody restarts the controller.
                self._note(error)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                if self.trouble is not None:
                    log.info("goes on", loop=self._name, after=self.trouble)
                self.trouble = None

    def _note(self, error: Exception) -> None:
        trouble = in_one_line(error)
        if trouble != self.trouble:
            log.error("a turn failed", loop=self._name, error=trouble, exc_info=error)
        self.trouble = trouble


def in_one_line(error: Exception) -> str:
    """Kind and first line: SQLAlchemy adds the statement and an address below."""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"
