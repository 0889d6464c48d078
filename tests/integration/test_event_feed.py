"""The feed through a real broker: who sends, who hears, and who is told that something is missing."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aio_pika
import pytest

from narad.dispatch import event_feed
from narad.dispatch.event_feed import RabbitFeed
from narad.dispatch.topology import EVENT_EXCHANGE, EVENT_KEY
from narad.domain.event import EventType, TaskEvent
from narad.domain.event_message import encode
from narad.domain.status import Status
from narad.ids import new_id
from tests.support.hosts import until
from tests.support.servers import Rabbit, servers

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALL_SECONDS = 0.1
CALL_LASTS_SECONDS = 0.5


class Ear:
    """Notes what it hears; None stands for a gap."""

    def __init__(self) -> None:
        self.heard: list[TaskEvent | None] = []

    def hear(self, events: Sequence[TaskEvent]) -> None:
        self.heard += events

    def gap(self) -> None:
        self.heard.append(None)


@pytest.fixture(autouse=True)
def quick_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls come often."""
    monkeypatch.setattr(event_feed, "CALL_SECONDS", CALL_SECONDS)
    monkeypatch.setattr(event_feed, "SETTLED_SECONDS", CALL_SECONDS)


@pytest.fixture(scope="module")
def own_rabbit() -> Iterator[Rabbit]:
    """A RabbitMQ that these tests may stop."""
    server = servers().rabbit()
    try:
        server.start()
        yield server
    finally:
        server.close()


@asynccontextmanager
async def feed(url: str, *, hears: bool) -> AsyncIterator[RabbitFeed]:
    """A feed that is connected, of a process of its own."""
    feed = RabbitFeed([url], timeout_seconds=5, hears=hears)
    await feed.start()
    try:
        await until(lambda: feed.connected)
        yield feed
    finally:
        await feed.stop()


def event(type_: EventType = EventType.STARTED) -> TaskEvent:
    return TaskEvent(type=type_, id=new_id(), at=NOON, status=Status.IN_PROGRESS, attempt=1)


async def test_events_of_one_process_are_heard_in_another_in_order(vhost: str) -> None:
    ear = Ear()
    async with feed(vhost, hears=True) as api, feed(vhost, hears=False) as worker:
        api.attend(ear)
        await until(lambda: api.complete and worker.wanted)
        sent = [event() for _ in range(1_200)]

        worker.publish(sent[:700])
        worker.publish(sent[700:])
        await until(lambda: len(ear.heard) >= len(sent))

    assert ear.heard[: len(sent)] == sent


async def test_what_a_process_announces_itself_it_hears_at_once_and_once(vhost: str) -> None:
    ear, other = Ear(), Ear()
    async with feed(vhost, hears=True) as api, feed(vhost, hears=True) as another:
        api.attend(ear)
        another.attend(other)
        await until(lambda: api.complete and another.complete)
        announced = event()

        api.publish([announced])
        assert ear.heard == [announced]
        await until(lambda: other.heard)
        another.publish([event(EventType.FAILED)])
        await until(lambda: len(ear.heard) > 1)

    assert [heard and heard.type for heard in ear.heard] == [EventType.STARTED, EventType.FAILED]


async def test_nothing_is_wanted_unless_somebody_listens_and_no_longer_than_that(
    vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "CALL_LASTS_SECONDS", CALL_LASTS_SECONDS)
    ear = Ear()
    async with feed(vhost, hears=True) as api, feed(vhost, hears=False) as worker:
        await until(lambda: not worker.wanted)
        worker.publish([event()])

        api.attend(ear)
        await until(lambda: worker.wanted)
        await asyncio.sleep(CALL_LASTS_SECONDS * 2)
        assert worker.wanted

        api.rest()
        await until(lambda: not worker.wanted)

    assert ear.heard == []


async def test_one_that_connects_is_called_at_once(vhost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "CALL_SECONDS", 1_000)
    async with feed(vhost, hears=True) as api:
        api.attend(Ear())
        await until(lambda: api.complete)
        async with feed(vhost, hears=False) as worker:
            await until(lambda: worker.wanted)


async def test_a_batch_that_got_lost_is_noticed_by_the_next_one(vhost: str) -> None:
    ear = Ear()
    async with feed(vhost, hears=True) as api, await aio_pika.connect(vhost) as connection:
        api.attend(ear)
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENT_EXCHANGE)
        events = [event() for _ in range(3)]

        for number, sent in zip((1, 2, 4), events, strict=True):
            await exchange.publish(aio_pika.Message(encode(number, [sent]), app_id="another"), EVENT_KEY)
        await until(lambda: len(ear.heard) == 4)

    assert ear.heard == [*events[:2], None, events[2]]


async def test_a_message_that_is_no_batch_counts_as_a_gap(vhost: str) -> None:
    ear = Ear()
    async with feed(vhost, hears=True) as api, await aio_pika.connect(vhost) as connection:
        api.attend(ear)
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENT_EXCHANGE)
        await exchange.publish(aio_pika.Message(b"nonsense", app_id="another"), EVENT_KEY)
        await until(lambda: ear.heard)

        assert not api.died.is_set()

    assert ear.heard == [None]


async def test_a_full_buffer_drops_events_and_whoever_listens_is_told(
    vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "MOST_WAITING", 10)
    ear = Ear()
    async with feed(vhost, hears=True) as api, feed(vhost, hears=False) as worker:
        api.attend(ear)
        await until(lambda: api.complete and worker.wanted)
        first, last = event(), event()
        worker.publish([first])
        await until(lambda: ear.heard)

        worker.publish([event() for _ in range(11)])
        worker.publish([last])
        await until(lambda: len(ear.heard) >= 3)

    assert ear.heard == [first, None, last]


async def test_a_broker_that_goes_away_costs_hints_and_nothing_else(own_rabbit: Rabbit) -> None:
    own_rabbit.create_vhost("feed")
    url, ear = own_rabbit.url("feed"), Ear()
    async with feed(url, hears=True) as api, feed(url, hears=False) as worker:
        api.attend(ear)
        await until(lambda: api.complete)

        await asyncio.to_thread(own_rabbit.stop)
        await until(lambda: not api.connected and not worker.connected)
        assert not api.complete
        assert ear.heard == [None]
        worker.publish([event() for _ in range(20_000)])  # neither waits nor fails
        mine = event()
        api.publish([mine])
        assert ear.heard == [None, mine]

        await asyncio.to_thread(own_rabbit.start)
        await until(lambda: api.complete and worker.connected and worker.wanted)
        again = event()
        worker.publish([again])
        await until(lambda: again in ear.heard)

        assert not api.died.is_set()
        assert not worker.died.is_set()
    assert ear.heard == [None, mine, None, again]
