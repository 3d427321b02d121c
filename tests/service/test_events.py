"""Events: every listener gets its study's, in order, and nobody waits for a slow one."""

import asyncio
import json
from typing import Any

from service.events import _MOST_WAITING, Events


def run(test: Any) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(limited())


def test_a_listener_gets_the_events_of_its_study_in_order() -> None:
    async def test() -> None:
        events = Events()
        mine, same, other = (events.listen(study) for study in ("a", "a", "b"))
        events.publish("a", "trial", {"state": "RUNNING"})
        events.publish("b", "trial", {"state": "FAILED"})
        events.publish("a", "progress", {"done": 1})
        for listener in (mine, same):
            first, second = await anext(listener), await anext(listener)
            assert (first["event"], json.loads(first["data"])) == ("trial", {"state": "RUNNING"})
            assert (second["event"], json.loads(second["data"])) == ("progress", {"done": 1})
        assert json.loads((await anext(other))["data"]) == {"state": "FAILED"}

    run(test)


def test_ids_grow_and_are_of_all_studies_together() -> None:
    async def test() -> None:
        events = Events()
        listener = events.listen("a")
        for study in ("a", "b", "a"):
            events.publish(study, "trial", {})
        assert [(await anext(listener))["id"] for _ in range(2)] == ["1", "3"]

    run(test)


def test_a_listener_hears_from_its_call_on_and_not_from_its_first_read() -> None:
    """The route looks at the status in between; what happens then must not be lost."""

    async def test() -> None:
        events = Events()
        events.publish("a", "trial", {"number": 0})
        listener = events.listen("a")
        events.publish("a", "trial", {"number": 1})
        assert json.loads((await anext(listener))["data"]) == {"number": 1}

    run(test)


def test_a_slow_listener_holds_nobody_up_and_is_dropped() -> None:
    async def test() -> None:
        events = Events()
        slow, quick = events.listen("a"), events.listen("a")
        for number in range(_MOST_WAITING + 50):
            events.publish("a", "progress", {"number": number})  # it is no coroutine: no wait
            assert json.loads((await anext(quick))["data"]) == {"number": number}
        # The slow one gets what waited for it and then its end, as if the connection were lost.
        heard = [json.loads(message["data"])["number"] async for message in slow]
        assert heard == list(range(_MOST_WAITING))
        assert len(events._listeners) == 1

    run(test)


def test_a_listener_that_leaves_is_forgotten() -> None:
    async def test() -> None:
        events = Events()
        listener = events.listen("a")
        events.publish("a", "trial", {})
        await anext(listener)
        await listener.aclose()  # type: ignore[attr-defined]
        assert events._listeners == {}
        events.publish("a", "trial", {})

    run(test)


def test_closing_ends_every_stream_after_what_was_published() -> None:
    async def test() -> None:
        events = Events()
        first, second = events.listen("a"), events.listen("b")
        events.publish("a", "trial", {})
        events.close()
        assert len([message async for message in first]) == 1
        assert [message async for message in second] == []
        assert events._listeners == {}

    run(test)
