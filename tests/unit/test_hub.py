"""The hub: who hears what, what is looked up and how often, and what becomes of all of it at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from typing_extensions import override

from narad.clock import SystemClock
from narad.domain.event import EventType, Mark, TaskEvent
from narad.domain.status import Priority, Status
from narad.errors import OverloadedError, StoreUnavailableError
from narad.events import hub as hub_module
from narad.events.base import Ear
from narad.events.hub import Hub, HubLimits
from narad.events.listener import Listener, Wanted
from narad.events.local import LocalFeed
from narad.ids import new_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = 0.01


class Rows:
    """What looks find, how many there were, and whether the store answers."""

    def __init__(self) -> None:
        self.marks: dict[UUID, Mark] = {}
        self.looks: list[frozenset[UUID]] = []
        self.away = False
        self.meanwhile: Callable[[], None] | None = None
        """What happens, once, between the look and its answer."""
        self.looked = asyncio.Event()

    async def look(self, ids: Sequence[UUID]) -> Sequence[Mark]:
        self.looks.append(frozenset(ids))
        self.looked.set()
        if self.away:
            raise StoreUnavailableError("away")
        found = [self.marks[id_] for id_ in ids if id_ in self.marks]
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            self.marks.clear()
            meanwhile()
        return found

    async def next_look(self) -> None:
        """Wait until a look has begun and another one has, so that the first is over."""
        for _ in range(2):
            self.looked.clear()
            async with asyncio.timeout(5):
                await self.looked.wait()


class WatchedFeed(LocalFeed):
    """Says when the hub stops hearing."""

    def __init__(self, *, works_alone: bool) -> None:
        super().__init__(works_alone=works_alone)
        self.rested = asyncio.Event()

    @override
    def attend(self, ear: Ear) -> None:
        self.rested.clear()
        super().attend(ear)

    @override
    def rest(self) -> None:
        super().rest()
        self.rested.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time runs a hundred times as fast."""
    monkeypatch.setattr(hub_module, "TICK_SECONDS", TICK)
    monkeypatch.setattr(hub_module, "LOOK_SECONDS", 3_600.0)


@pytest.fixture
def rows() -> Rows:
    """An empty store."""
    return Rows()


@pytest.fixture
def feed() -> WatchedFeed:
    """A feed that does not hear everything."""
    return WatchedFeed(works_alone=False)


@pytest.fixture
async def hub(feed: WatchedFeed, rows: Rows) -> AsyncIterator[Hub]:
    """A hub at work."""
    hub = Hub(feed, rows.look, SystemClock(), HubLimits(streams=3, waiters=2))
    await hub.start()
    yield hub
    await hub.stop()


def event(id_: UUID, type_: EventType = EventType.STARTED, status: Status = Status.IN_PROGRESS) -> TaskEvent:
    return TaskEvent(type=type_, id=id_, at=NOON, status=status, attempt=1)


def mark(id_: UUID, status: Status, version: int = 2) -> Mark:
    return Mark(id=id_, status=status, priority=Priority.LOW, handler="h", queue="q", attempt=1, version=version)


async def types(listener: Listener) -> list[EventType]:
    return [numbered.event.type for numbered in (await listener.take(5)).events]


async def test_events_reach_those_who_want_them(hub: Hub, feed: WatchedFeed) -> None:
    one, other = new_id(), new_id()
    everything, of_one = hub.open(Wanted()), hub.open(Wanted(ids=frozenset({one})))

    feed.publish([event(one), event(other, EventType.CREATED, Status.NEW)])

    assert await types(everything) == [EventType.STARTED, EventType.CREATED]
    assert await types(of_one) == [EventType.STARTED]


async def test_nobody_is_asked_for_events_until_somebody_listens_and_soon_after_the_last_has_gone(
    hub: Hub, feed: WatchedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "LINGER_SECONDS", 0.05)
    wanted = [feed.wanted]
    listener = hub.open(Wanted())
    wanted.append(feed.wanted)
    hub.close(listener)
    wanted.append(feed.wanted)
    async with asyncio.timeout(5):
        await feed.rested.wait()

    assert [*wanted, feed.wanted] == [False, True, True, False]


async def test_a_client_that_comes_back_gets_what_it_missed(hub: Hub, feed: WatchedFeed) -> None:
    first = hub.open(Wanted())
    feed.publish([event(new_id())])
    (seen,) = (await first.take(5)).events
    hub.close(first)
    feed.publish([event(new_id(), EventType.FAILED, Status.FAILED)])

    again = await hub.open(Wanted(), after=seen.place).take(5)

    assert (again.lost, [numbered.event.type for numbered in again.events]) == (False, [EventType.FAILED])


@pytest.mark.parametrize("place", ["", "x-1", "0123456789ab-7"])
async def test_a_client_from_elsewhere_is_told_to_read_again(hub: Hub, place: str) -> None:
    assert (await hub.open(Wanted(), after=place).take(5)).lost


async def test_after_a_gap_every_stream_is_told_and_old_places_are_void(hub: Hub, feed: WatchedFeed) -> None:
    listener = hub.open(Wanted())
    feed.publish([event(new_id())])
    place = hub.place

    hub.gap()

    got = await listener.take(5)
    assert (got.lost, got.events) == (True, [])
    assert (await hub.open(Wanted(), after=place).take(5)).lost


async def test_a_change_that_no_event_told_of_is_found_by_a_look(hub: Hub, rows: Rows) -> None:
    id_ = new_id()
    rows.marks[id_] = mark(id_, Status.IN_PROGRESS)
    listener, watch = hub.open(Wanted(ids=frozenset({id_}))), hub.watch(id_, final_only=True)
    assert watch is not None
    hub.stands(rows.marks[id_])
    await rows.next_look()
    assert not await watch.wait(0)

    rows.marks[id_] = mark(id_, Status.COMPLETED, version=3)

    assert await types(listener) == [EventType.COMPLETED]
    assert await watch.wait(5)


async def test_what_a_look_finds_before_its_event_makes_followers_read_again(rows: Rows) -> None:
    feed = WatchedFeed(works_alone=True)
    hub = Hub(feed, rows.look, SystemClock(), HubLimits(streams=3, waiters=1))
    await hub.start()
    id_ = new_id()
    of_one, everything = hub.open(Wanted(ids=frozenset({id_}))), hub.open(Wanted())
    hub.stands(mark(id_, Status.PENDING))
    rows.marks[id_] = mark(id_, Status.COMPLETED, version=4)

    hub.gap()  # asks for a look
    assert (await of_one.take(5)).lost
    again = await of_one.take(5)
    events = [event(id_), event(id_, EventType.COMPLETED, Status.COMPLETED)]
    feed.publish(events)

    assert (again.lost, again.events) == (True, [])
    assert [numbered.event for numbered in (await everything.take(5)).events] == events
    await hub.stop()


async def test_a_look_that_is_overtaken_by_an_event_tells_nothing(hub: Hub, rows: Rows, feed: WatchedFeed) -> None:
    id_ = new_id()
    rows.marks[id_] = mark(id_, Status.PENDING)
    listener = hub.open(Wanted(ids=frozenset({id_})))
    await rows.next_look()
    rows.marks[id_] = mark(id_, Status.IN_PROGRESS, version=3)
    rows.meanwhile = lambda: feed.publish([event(id_, EventType.COMPLETED, Status.COMPLETED)])
    await rows.next_look()
    rows.marks[id_] = mark(id_, Status.COMPLETED, version=4)
    await rows.next_look()

    assert await types(listener) == [EventType.COMPLETED]


async def test_one_look_serves_all_who_wait(hub: Hub, rows: Rows) -> None:
    one, other = new_id(), new_id()
    hub.open(Wanted(ids=frozenset({one, other})))
    hub.open(Wanted(ids=frozenset({one})))
    hub.watch(other, final_only=False)

    await rows.next_look()

    assert set(rows.looks) == {frozenset({one, other})}


async def test_nothing_is_looked_up_for_streams_of_all_tasks_or_once_nobody_waits(hub: Hub, rows: Rows) -> None:
    hub.open(Wanted())
    watch = hub.watch(new_id(), final_only=True)
    assert watch is not None
    await rows.next_look()

    hub.unwatch(watch)
    await asyncio.sleep(TICK * 3)
    before = len(rows.looks)
    await asyncio.sleep(TICK * 10)

    assert len(rows.looks) == before


async def test_while_the_feed_is_complete_looks_are_rare_but_a_gap_asks_for_one(rows: Rows) -> None:
    feed = WatchedFeed(works_alone=True)
    hub = Hub(feed, rows.look, SystemClock(), HubLimits(streams=1, waiters=1))
    await hub.start()
    watch = hub.watch(new_id(), final_only=True)
    assert watch is not None
    await asyncio.sleep(TICK * 10)
    assert not rows.looks
    rows.marks[watch.task_id] = mark(watch.task_id, Status.FAILED)

    hub.gap()

    assert await watch.wait(5)
    await hub.stop()


async def test_looks_go_on_after_an_outage_of_the_store(hub: Hub, rows: Rows) -> None:
    watch = hub.watch(new_id(), final_only=True)
    assert watch is not None
    rows.away = True
    await rows.next_look()
    rows.away = False
    rows.marks[watch.task_id] = mark(watch.task_id, Status.COMPLETED)

    assert await watch.wait(5)
    assert not hub.died.is_set()


async def test_no_more_streams_and_waits_than_allowed(hub: Hub) -> None:
    listeners = [hub.open(Wanted()) for _ in range(3)]
    watches = [hub.watch(new_id(), final_only=True) for _ in range(2)]
    with pytest.raises(OverloadedError, match="3 streams"):
        hub.open(Wanted())
    assert hub.watch(new_id(), final_only=True) is None

    hub.close(listeners[0])
    assert watches[0] is not None
    hub.unwatch(watches[0])

    assert hub.open(Wanted()) is not None
    assert hub.watch(new_id(), final_only=True) is not None


async def test_a_drain_ends_every_stream_and_every_wait_and_takes_on_no_more(hub: Hub) -> None:
    listener, watch = hub.open(Wanted()), hub.watch(new_id(), final_only=True)
    assert watch is not None

    hub.drain()

    assert (await listener.take(5)).ended
    assert not await watch.wait(5)
    assert watch.ended
    assert hub.watch(new_id(), final_only=True) is None
    with pytest.raises(OverloadedError, match="stopping"):
        hub.open(Wanted())
