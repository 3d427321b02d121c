"""Events: every listener gets its study's, in order, and nobody waits for a slow one."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from service.events import _MOST_KEPT, _MOST_WAITING, Event, Events


def run(test: Any) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(limited())


async def told(listener: AsyncIterator[list[Event]]) -> list[tuple[str, Any]]:
    """Name and data of all that waits for the listener."""
    return [(event.name, json.loads(event.data)) for event in await anext(listener)]


def test_a_listener_gets_the_events_of_its_study_in_order() -> None:
    async def test() -> None:
        events = Events()
        mine, same, other, all_ = (events.listen(study) for study in ("a", "a", "b", None))
        events.publish("a", "trial", {"state": "RUNNING"})
        events.publish("b", "trial", {"state": "FAILED"})
        events.publish("a", "progress", {"done": 1})
        for listener in (mine, same):
            expected = [("trial", {"state": "RUNNING"}), ("progress", {"done": 1})]
            assert await told(listener) == expected
        assert await told(other) == [("trial", {"state": "FAILED"})]
        assert len(await told(all_)) == 3

    run(test)


def test_an_event_is_written_once_as_it_goes_over_the_wire() -> None:
    async def test() -> None:
        events = Events()
        first, second = events.listen("a"), events.listen("a")
        events.publish("a", "trial", {"state": "RUNNING"})
        (one,), (same,) = await anext(first), await anext(second)
        assert one.chunk is same.chunk
        assert one.chunk.decode() == (
            f'id: {one.id}\r\nevent: trial\r\ndata: {{"state": "RUNNING"}}\r\n\r\n'
        )

    run(test)


def test_ids_grow_and_are_of_all_studies_together() -> None:
    async def test() -> None:
        events = Events()
        listener = events.listen("a")
        for study in ("a", "b", "a"):
            events.publish(study, "trial", {})
        first, second = await anext(listener)
        assert second.id == first.id + 2
        # The next controller goes on above them.
        await asyncio.sleep(0.005)
        later = Events()
        after = later.listen("a")
        later.publish("a", "trial", {})
        assert (await anext(after))[0].id > second.id

    run(test)


def test_a_listener_hears_from_its_call_on_and_not_from_its_first_read() -> None:
    """The route looks at the status in between; what happens then must not be lost."""

    async def test() -> None:
        events = Events()
        events.publish("a", "trial", {"number": 0})
        listener = events.listen("a")
        events.publish("a", "trial", {"number": 1})
        assert await told(listener) == [("trial", {"number": 1})]

    run(test)


def test_who_comes_back_gets_what_was_missed_of_the_study_and_then_what_is_new() -> None:
    async def test() -> None:
        events = Events()
        listener = events.listen("a")
        for number in range(3):
            events.publish("a", "trial", {"number": number})
            events.publish("b", "trial", {"number": -1})
        first = (await anext(listener))[0]
        again = events.listen("a", first.id)
        events.publish("a", "trial", {"number": 3})
        assert [data["number"] for _, data in await told(again)] == [1, 2, 3]

    run(test)


def test_who_has_heard_all_gets_nothing_twice() -> None:
    async def test() -> None:
        events = Events()
        listener = events.listen("a")
        events.publish("a", "trial", {"number": 0})
        (last,) = await anext(listener)
        again = events.listen("a", last.id)
        events.publish("a", "trial", {"number": 1})
        assert await told(again) == [("trial", {"number": 1})]

    run(test)


def test_who_missed_more_than_is_kept_is_told_of_the_gap() -> None:
    async def test() -> None:
        events = Events()
        listener = events.listen("a")
        for number in range(_MOST_KEPT + 2):
            events.publish("a", "trial", {"number": number})
        first, second, *_ = await anext(listener)
        assert (await told(events.listen("a", first.id)))[0] == ("gap", {})
        # The oldest that is kept is the one after the second.
        assert len(await told(events.listen("a", second.id))) == _MOST_KEPT
        # So is who comes with an id of nobody: of a clock that was wrong, say.
        assert await told(events.listen("a", second.id + 10**9)) == [("gap", {})]

    run(test)


def test_a_slow_listener_holds_nobody_up_and_is_dropped() -> None:
    async def test() -> None:
        events = Events()
        slow, quick = events.listen("a"), events.listen("a")
        for number in range(_MOST_WAITING + 50):
            events.publish("a", "progress", {"number": number})  # it is no coroutine: no wait
            assert await told(quick) == [("progress", {"number": number})]
        # The slow one gets what waited for it and then its end, as if the connection were lost.
        heard = [json.loads(event.data)["number"] async for batch in slow for event in batch]
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
        assert [len(batch) async for batch in first] == [1]
        assert [batch async for batch in second] == []
        assert events._listeners == {}

    run(test)
