"""A head that died is noticed, one that is slow is left alone."""

import asyncio

import pytest

from workers import head_watch
from workers.head_watch import BadHeadAddress, HeadUnreachable, HeadWatch, wait_for_head


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_watch, "LOOK_SECONDS", 0.01)


def test_a_head_that_nobody_answers_for_is_dead() -> None:
    async def main() -> str:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        watch = HeadWatch(f"127.0.0.1:{port}", list)
        waits = asyncio.ensure_future(watch.until_dead())
        await asyncio.sleep(0.2)
        assert not waits.done()
        assert await watch.answers()
        server.close()
        async with asyncio.timeout(60):
            why = await waits
        assert not await watch.answers()
        return why.replace(str(port), "PORT")

    assert asyncio.run(main()) == "nothing answers at 127.0.0.1:PORT"


def test_a_process_of_our_own_that_ended_is_noticed_at_once() -> None:
    async def main() -> str:
        async with asyncio.timeout(60):
            return await HeadWatch("[::1]:1", lambda: ["gcs_server"]).until_dead()

    assert asyncio.run(main()) == "gcs_server ended"


def test_a_head_that_starts_a_little_later_is_waited_for() -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        waits = asyncio.ensure_future(wait_for_head(f"127.0.0.1:{port}"))
        await asyncio.sleep(0.1)
        assert not waits.done()
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
        async with asyncio.timeout(60), server:
            await waits

    asyncio.run(main())


def test_a_head_that_never_answers_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_watch, "WAIT_SECONDS", 0.1)
    # Nothing listens on the lowest port of a machine of today.
    with pytest.raises(HeadUnreachable, match=r"RAY_ADDRESS is \[::1\]:1, and nothing answers"):
        asyncio.run(wait_for_head("[::1]:1"))


@pytest.mark.parametrize("address", ["auto", "ray://head:10001", "http://head:8265", "head", "::1"])
def test_only_host_and_port_name_a_head(address: str) -> None:
    with pytest.raises(BadHeadAddress, match=f"RAY_ADDRESS is '{address}'; expected HOST:PORT"):
        asyncio.run(wait_for_head(address))
