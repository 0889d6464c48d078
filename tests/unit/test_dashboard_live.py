"""Signals to pages: few however many events there are, after every gap, and none that holds up the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from narad.clock import SystemClock
from narad.dashboard import live as module
from narad.dashboard.live import Live, Topic
from narad.domain.event import EventType, TaskEvent
from narad.errors import OverloadedError
from narad.events.hub import Hub, HubLimits
from narad.events.listener import Wanted
from narad.events.local import LocalFeed
from tests.support.tasks import NOW


@asynccontextmanager
async def running(*, most: int = 10, streams: int = 10) -> AsyncIterator[tuple[Live, Hub, LocalFeed]]:
    feed = LocalFeed(works_alone=True)

    async def nothing(_ids: object) -> list[object]:
        return []

    hub = Hub(feed, nothing, SystemClock(), HubLimits(streams=streams, waiters=10))  # type: ignore[arg-type]
    live = Live(hub, most=most, seconds=60)
    await hub.start()
    await live.start()
    try:
        yield live, hub, feed
    finally:
        await live.stop()
        await hub.stop()


def event(type_: EventType = EventType.STARTED) -> TaskEvent:
    return TaskEvent(type=type_, id=uuid4(), at=NOW)


def test_every_event_has_its_topics() -> None:
    assert set(module.TOPICS) == set(EventType)


async def test_a_thousand_events_are_one_signal_for_each_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.05)
    async with running() as (live, _, feed):
        reader = live.open(live.place)
        first, _ = await asyncio.wait_for(reader.take(5), 5)  # the hub did not hear before
        assert first == {Topic.RESYNC}

        feed.publish([event() for _ in range(900)])

        topics, ended = await asyncio.wait_for(reader.take(5), 5)
        assert topics == {Topic.TASKS, Topic.QUEUES, Topic.WORKERS}
        assert not ended
        live.close(reader)


async def test_a_page_that_was_drawn_before_something_happened_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.05)
    async with running() as (live, _, feed):
        first = live.open(live.place)
        await first.take(5)
        drawn = live.place
        feed.publish([event()])

        late, current = live.open(drawn), live.open(live.place)

        assert await late.take(0) == (frozenset({Topic.RESYNC}), False)
        assert Topic.RESYNC not in (await current.take(0))[0]


async def test_what_happens_before_the_pages_have_their_listener_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.01)
    monkeypatch.setattr(module, "WORKERS_SECONDS", 0.01)
    async with running() as (live, hub, feed):
        first = live.open(live.place)
        await first.take(5)  # the hub hears from now on
        live.close(first)
        async with asyncio.timeout(5):
            while hub.streams:  # noqa: ASYNC110 - its end is told nowhere
                await asyncio.sleep(0.01)
        monkeypatch.setattr(module, "WORKERS_SECONDS", 60.0)

        reader = live.open(live.place)
        feed.publish([event()])

        assert await reader.take(5) == (module.TOPICS[EventType.STARTED], False)


async def test_what_happens_while_no_listener_can_be_had_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.01)
    async with running(streams=1) as (live, hub, feed):
        other = hub.open(Wanted())
        reader = live.open(live.place)
        assert await reader.take(0.05) == (frozenset(), False)

        feed.publish([event()])
        hub.close(other)

        assert await reader.take(5) == (module.TOPICS[EventType.STARTED], False)


async def test_a_drain_ends_every_page_and_opens_no_more() -> None:
    async with running() as (live, hub, _):
        reader = live.open(live.place)
        frames = live.lists(reader)
        assert b"event: pace" in await anext(frames)

        hub.drain()

        rest = [frame async for frame in frames]
        assert b"event: pause" in rest[-1]
        with pytest.raises(OverloadedError):
            live.open(live.place)


async def test_a_page_of_a_task_ends_with_the_drain_too() -> None:
    async with running() as (live, hub, _):
        listener = live.open_task(uuid4(), None)
        frames = live.task(listener)
        await anext(frames)

        hub.drain()

        assert b"event: pause" in [frame async for frame in frames][-1]
        live.close_task(listener)


async def test_pages_are_limited() -> None:
    async with running(most=1) as (live, _, _feed):
        reader = live.open(None)
        with pytest.raises(OverloadedError):
            live.open(None)
        live.close(reader)
        live.close(live.open(None))


async def test_where_not_all_is_heard_pages_ask_more_often() -> None:
    feed = LocalFeed(works_alone=False)
    hub = Hub(feed, lambda _: asyncio.sleep(0, []), SystemClock(), HubLimits(streams=1, waiters=1))

    assert Live(hub, most=1, seconds=1).poll_seconds == 5
