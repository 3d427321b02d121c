"""A loop goes on after a turn that failed, and says what is wrong meanwhile."""

import asyncio

import pytest

from service import steady_loop
from service.steady_loop import SteadyLoop


def test_a_turn_that_fails_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_loop, "PAUSE_SECONDS", 0.0)
    seen: list[str] = []

    async def main() -> None:
        done = asyncio.Event()

        async def turn() -> None:
            seen.append(loop.state)
            if len(seen) in (2, 3):
                raise OSError("no space left\non the device")
            if len(seen) == 5:
                done.set()
            await asyncio.sleep(0)

        loop = SteadyLoop("test", turn)
        assert loop.state == "stopped"
        loop.start()
        async with asyncio.timeout(60):
            await done.wait()
        await loop.stop()
        assert loop.state == "stopped"

    asyncio.run(main())
    assert seen == ["ok", "ok", *["OSError: no space left"] * 2, "ok"]
