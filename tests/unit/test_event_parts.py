"""The parts of the live feed: what numbers replay, what queues hold, and what a look at the store makes known."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.event import EventType, Mark, TaskEvent
from narad.domain.event_message import decode, encode
from narad.domain.message import UndecodableMessageError
from narad.domain.status import Priority, Status
from narad.events.followed import Followed
from narad.events.listener import Listener, Wanted
from narad.events.ring import Ring
from narad.events.watch import Watch
from narad.ids import new_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENTS = st.builds(
    TaskEvent,
    type=st.sampled_from(EventType),
    id=st.uuids(),
    at=st.datetimes(timezones=st.just(UTC)),
    status=st.none() | st.sampled_from(Status),
    priority=st.none() | st.sampled_from(Priority),
    handler=st.none() | st.text(max_size=5),
    queue=st.none() | st.text(max_size=5),
    attempt=st.none() | st.integers(0),
    version=st.none() | st.integers(1),
)


def event(type_: EventType = EventType.STARTED, id_: UUID | None = None, status: Status | None = None) -> TaskEvent:
    return TaskEvent(type=type_, id=id_ or new_id(), at=NOON, status=status, attempt=1)


def mark(id_: UUID, status: Status = Status.IN_PROGRESS, *, attempt: int = 1, version: int = 3) -> Mark:
    return Mark(id=id_, status=status, priority=Priority.LOW, handler="h", queue="q", attempt=attempt, version=version)


async def taken(listener: Listener) -> tuple[bool, list[EventType]]:
    got = await listener.take(0)
    return got.lost, [numbered.event.type for numbered in got.events]


@given(st.integers(0), st.lists(EVENTS))
def test_a_batch_comes_out_of_its_message_as_it_went_in(number: int, events: Sequence[TaskEvent]) -> None:
    assert decode(encode(number, events)) == (number, events)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"v":2,"n":1,"events":[]}', b'{"v":1,"n":1}', b'{"v":1,"n":null,"events":[]}']
    + [json.dumps({"v": 1, "n": 1, "events": [row]}).encode() for row in (None, [], ["x"] * 9, {"a": 1})],
)
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(UndecodableMessageError):
        decode(body)


@given(st.integers(1, 20), st.integers(0, 60), st.integers(0, 60))
def test_a_ring_replays_exactly_what_was_missed_or_says_that_it_cannot(size: int, before: int, after: int) -> None:
    ring = Ring(size)
    for _ in range(before):
        ring.add(event())
    place = ring.place
    missed = [ring.add(event()) for _ in range(after)]

    assert ring.after(place) == (missed if after <= size else None)


@pytest.mark.parametrize("place", ["", "-", "x", "abc-1", "{epoch}-", "{epoch}--1", "{epoch}-3", "{epoch}-²", "-1"])
def test_a_place_that_is_none_of_this_epoch_replays_nothing(place: str) -> None:
    ring = Ring(10)
    epoch = ring.add(event()).epoch

    assert ring.after(place.format(epoch=epoch)) is None


def test_places_of_an_epoch_before_a_gap_say_nothing_after_it() -> None:
    ring = Ring(10)
    place = ring.add(event()).place
    ring.restart()
    ring.add(event())

    assert ring.after(place) is None


async def test_a_listener_gets_what_it_wants_in_order() -> None:
    id_, ring = new_id(), Ring(10)
    wanted = Wanted(
        ids=frozenset({id_}),
        types=frozenset({EventType.STARTED, EventType.COMPLETED}),
        statuses=frozenset({Status.IN_PROGRESS, Status.COMPLETED}),
    )
    listener = Listener(wanted, 10)
    for offered in (
        event(EventType.STARTED, id_, Status.IN_PROGRESS),
        event(EventType.STARTED, None, Status.IN_PROGRESS),
        event(EventType.PROGRESS, id_, Status.IN_PROGRESS),
        event(EventType.STARTED, id_, Status.PENDING),
        event(EventType.COMPLETED, id_, Status.COMPLETED),
    ):
        listener.put(ring.add(offered))

    assert await taken(listener) == (False, [EventType.STARTED, EventType.COMPLETED])
    assert await taken(listener) == (False, [])


@pytest.mark.parametrize("type_", [EventType.PROGRESS, EventType.LOG])
async def test_progress_and_log_lines_of_a_task_take_the_place_of_earlier_ones(type_: EventType) -> None:
    ring, listener, ids = Ring(1_000), Listener(Wanted(), 3), [new_id(), new_id()]
    listener.put(ring.add(event(EventType.STARTED, ids[0])))
    for _ in range(100):
        for id_ in ids:
            listener.put(ring.add(event(type_, id_)))

    got = await listener.take(0)

    assert not got.lost
    assert [numbered.event.id for numbered in got.events] == [ids[0], *ids]
    assert [numbered.number for numbered in got.events] == [1, 200, 201]


async def test_a_listener_that_overflows_keeps_nothing_and_says_so_once() -> None:
    ring, listener = Ring(10), Listener(Wanted(), 3)
    for _ in range(4):
        listener.put(ring.add(event()))
    listener.put(ring.add(event(EventType.FAILED)))

    assert await taken(listener) == (True, [EventType.FAILED])
    listener.put(ring.add(event()))
    assert await taken(listener) == (False, [EventType.STARTED])


async def test_a_look_tells_of_what_was_not_heard_and_of_nothing_else() -> None:
    id_, followed = new_id(), Followed()

    def seen(mark: Mark, *, progress_too: bool = False) -> EventType | None:
        found = followed.see(mark, NOON, progress_too=progress_too)
        return None if found is None else found.type

    assert seen(mark(id_, Status.PENDING, attempt=0)) is None  # the first look only learns where it stands
    assert seen(mark(id_, version=4)) is EventType.STARTED
    assert seen(mark(id_, version=5)) is None
    assert seen(mark(id_, version=6), progress_too=True) is EventType.PROGRESS
    assert seen(mark(id_, version=6), progress_too=True) is None
    assert seen(mark(id_, attempt=2, version=9)) is EventType.STARTED
    followed.hear(TaskEvent(type=EventType.COMPLETED, id=id_, at=NOON, status=Status.COMPLETED, attempt=2))
    assert seen(mark(id_, Status.COMPLETED, attempt=2, version=10)) is None
    assert seen(mark(id_, Status.PENDING, attempt=2, version=11)) is EventType.PENDING


@pytest.mark.parametrize(("final_only", "wakes"), [(True, False), (False, True)])
async def test_a_wait_for_the_end_is_not_woken_by_the_way_to_it(final_only: bool, wakes: bool) -> None:  # noqa: FBT001
    id_ = new_id()
    watch = Watch(id_, final_only=final_only)
    watch.version = 2

    watch.hear(event(EventType.STARTED, id_, Status.IN_PROGRESS))
    assert await watch.wait(0) is wakes
    watch.see(mark(id_))
    assert await watch.wait(0) is wakes
    watch.hear(event(EventType.FAILED, id_, Status.FAILED))
    assert await watch.wait(0)
    watch.see(mark(id_, Status.COMPLETED))
    assert await watch.wait(0)
    assert not await watch.wait(0)


async def test_a_hint_before_the_wait_counts() -> None:
    watch = Watch(new_id(), final_only=False)
    watch.hear(event(EventType.STARTED, watch.task_id, Status.IN_PROGRESS))

    async with asyncio.timeout(5):
        assert await watch.wait(60)


async def test_a_watch_that_is_ended_waits_no_more() -> None:
    watch = Watch(new_id(), final_only=True)
    watch.end()

    async with asyncio.timeout(5):
        assert not await watch.wait(60)
    assert watch.ended
