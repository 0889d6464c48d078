"""What only a broker can do to us: lose messages, carry foreign ones, go away and come back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import aio_pika
import pytest
from sqlalchemy import text

from narad.dispatch.base import StopOrder
from narad.dispatch.subscription import REASON_HEADER
from narad.dispatch.topology import DEAD_LETTER_QUEUE, lane_queue
from narad.domain.status import Priority, Status
from narad.domain.task import Lane, NewTask
from narad.errors import StoreUnavailableError
from narad.ids import new_id
from narad.relay.lanes import LaneWatch
from tests.support.hosts import CLOCK, PATIENCE_SECONDS, Backend, Host, started, take, until
from tests.support.servers import Rabbit
from tests.support.tasks import hand_over, new_task, new_worker

QUIET_SECONDS = 1.0
# Well before a task counts as overdue, and is claimed from the store because it was not pushed.
PROMPT_SECONDS = 8.0
HIGH = lane_queue(Lane("default", Priority.HIGH)).name


@pytest.fixture
def backend(postgres_url: str, vhost: str) -> Backend:
    """Tasks in PostgreSQL, carried by RabbitMQ."""
    return Backend(postgres_url, (vhost,))


@pytest.fixture
async def host(backend: Backend) -> AsyncIterator[Host]:
    """A host at work."""
    async with started(backend) as host:
        yield host


async def publish(url: str, body: bytes) -> None:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        await channel.default_exchange.publish(aio_pika.Message(body), HIGH)


def vhost_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def status_of(host: Host, task: NewTask) -> Status:
    stored = await host.store.tasks.get(task.id)
    assert stored is not None
    return stored.status


async def dead_letters(rabbit: Rabbit, vhost: str, count: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += await asyncio.to_thread(rabbit.get, vhost_of(vhost), DEAD_LETTER_QUEUE, count)
            await asyncio.sleep(0.05)
    return found


async def test_an_undecodable_message_is_parked_with_its_reason_and_holds_nobody_up(
    host: Host, vhost: str, rabbit_server: Rabbit
) -> None:
    async with host.consumer() as (consumer, _):
        await publish(vhost, b"\xffnot ours")
        await publish(vhost, b'{"v": 99, "id": "x"}')
        task = new_task(created_at=CLOCK.now(), priority=Priority.HIGH)
        await host.submit(task)

        (claimed,) = await take(consumer, 1)

    letters = await dead_letters(rabbit_server, vhost, 2)
    assert claimed.id == task.id
    reasons = [letter["properties"]["headers"][REASON_HEADER] for letter in letters]  # type: ignore[index]
    assert reasons == ["the body is not JSON", "version 99 is not 1"]


async def test_a_deleted_queue_is_declared_again(host: Host, vhost: str, rabbit_server: Rabbit) -> None:
    first = new_task(created_at=CLOCK.now(), priority=Priority.HIGH)
    await host.submit(first)
    async with host.consumer() as (consumer, subscription):
        await take(consumer, 1)

        await asyncio.to_thread(rabbit_server.delete_queue, vhost_of(vhost), HIGH)
        await until(lambda: not subscription.attached)
        await until(lambda: subscription.attached)
        second = new_task(created_at=CLOCK.now() - timedelta(seconds=60), priority=Priority.HIGH)
        await host.submit(second)
        (claimed,) = await take(consumer, 1)

    assert claimed.id == second.id


async def test_a_dead_queue_is_replaced_and_its_tasks_are_pushed_while_other_lanes_are_busy(
    host: Host, vhost: str, rabbit_server: Rabbit
) -> None:
    await host.submit(new_task(created_at=CLOCK.now(), priority=Priority.HIGH))
    async with host.consumer(watchdog_seconds=QUIET_SECONDS) as (consumer, _):
        await take(consumer, 1)
        await asyncio.to_thread(rabbit_server.kill_queue, vhost_of(vhost), HIGH)
        assert await host.dispatch.hand_over([hand_over(new_task(priority=Priority.HIGH))]) == []
        await until(lambda: host.dispatch.available)

        urgent = new_task(created_at=CLOCK.now(), priority=Priority.HIGH)
        await host.submit(urgent)
        claimed: set[UUID] = set()
        async with asyncio.timeout(PROMPT_SECONDS):
            while urgent.id not in claimed:
                await host.submit(new_task(created_at=CLOCK.now(), priority=Priority.MEDIUM))
                claimed |= {task.id for task in await take(consumer, 1)}


async def test_a_message_that_no_queue_takes_is_not_counted_as_handed_over(
    host: Host, vhost: str, rabbit_server: Rabbit
) -> None:
    task = hand_over(new_task(priority=Priority.HIGH))
    assert await host.dispatch.hand_over([task]) == [task.id]

    await asyncio.to_thread(rabbit_server.delete_queue, vhost_of(vhost), HIGH)

    assert await host.dispatch.hand_over([task]) == []
    assert await host.dispatch.hand_over([task]) == [task.id]


DEEP = [Lane("default", Priority.HIGH)]
END_THE_CLAIM = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock' AND query LIKE '%worker_id%'
""")
"""Of the claim alone: the sweep of the relay waits as well, and knows of no workers."""
LOOK_ANEW = text("SELECT pg_stat_clear_snapshot()")
"""A transaction that has looked at the others sees them as they were then."""


async def stored(host: Host, count: int) -> list[NewTask]:
    """Tasks of HIGH that are stored and not handed over yet."""
    tasks = [new_task(created_at=CLOCK.now(), priority=Priority.HIGH) for _ in range(count)]
    await host.store.tasks.insert(tasks)
    return tasks


async def until_ready(rabbit: Rabbit, vhost: str, count: int) -> None:
    """Wait until so many messages of HIGH wait for consumers."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            queues = await asyncio.to_thread(rabbit.queues, vhost_of(vhost))
            if [queue.get("messages_ready") for queue in queues if queue["name"] == HIGH] == [count]:
                return
            await asyncio.sleep(0.05)


async def test_tasks_of_a_backlog_share_messages_and_are_claimed_in_their_order(
    host: Host, vhost: str, rabbit_server: Rabbit
) -> None:
    tasks = await stored(host, 40)

    confirmed = await host.dispatch.hand_over([hand_over(task) for task in tasks], deep=DEEP)

    assert list(confirmed) == [task.id for task in tasks]
    await until_ready(rabbit_server, vhost, 3)
    async with host.consumer() as (consumer, _):
        for start in range(0, 40, 8):
            claimed = await take(consumer, 8, slots=8)
            assert {task.id for task in claimed} == {task.id for task in tasks[start : start + 8]}
    await until_ready(rabbit_server, vhost, 0)


async def test_what_is_left_of_a_shared_message_goes_to_another_worker(host: Host) -> None:
    tasks = await stored(host, 16)
    await host.dispatch.hand_over([hand_over(task) for task in tasks], deep=DEEP)

    async with host.consumer() as (first, _):
        mine = await take(first, 5, slots=5)
        await first.pause()
        async with host.consumer() as (second, _):
            others = await take(second, 11)

    assert {task.id for task in [*mine, *others]} == {task.id for task in tasks}


async def test_a_shared_message_is_in_hand_again_where_the_store_did_not_answer(host: Host) -> None:
    tasks = await stored(host, 20)
    await host.dispatch.hand_over([hand_over(task) for task in tasks], deep=DEEP)
    async with host.consumer() as (consumer, subscription):
        await until(lambda: len(subscription.heads()) == 1)
        (early,) = await take(consumer, 1, slots=1)
        async with host.store.database.transaction() as locking:
            await locking.execute(text("LOCK TABLE tasks"))
            claiming = asyncio.create_task(consumer.take(18))
            while not (await locking.execute(END_THE_CLAIM)).all():
                await asyncio.sleep(0.02)
                await locking.execute(LOOK_ANEW)
            with pytest.raises(StoreUnavailableError):
                await claiming

        later = [task for _ in range(19) for task in await take(consumer, 1, slots=1)]

    assert [task.id for task in [early, *later]] == [task.id for task in tasks]


async def test_without_a_broker_tasks_are_claimed_from_the_store_and_with_it_pushed_again(
    host: Host, rabbit_server: Rabbit
) -> None:
    async with host.consumer() as (consumer, subscription):
        await asyncio.to_thread(rabbit_server.stop)
        await until(lambda: not subscription.attached)
        away = new_task(created_at=CLOCK.now())
        await host.submit(away)
        (claimed,) = await take(consumer, 1)
        assert claimed.id == away.id

        await asyncio.to_thread(rabbit_server.start)
        await until(lambda: subscription.attached)
        await until(lambda: host.dispatch.available)
        back = new_task(created_at=CLOCK.now())
        await host.submit(back)
        (pushed,) = await take(consumer, 1)

    assert pushed.id == back.id


async def test_without_a_broker_a_task_stays_new_and_is_handed_over_when_it_is_back(
    host: Host, rabbit_server: Rabbit
) -> None:
    await asyncio.to_thread(rabbit_server.stop)
    await until(lambda: not host.dispatch.available)
    task = new_task(created_at=CLOCK.now() - timedelta(seconds=60))
    await host.submit(task)
    assert await status_of(host, task) is Status.NEW

    await asyncio.to_thread(rabbit_server.start)

    async with asyncio.timeout(30):
        while await status_of(host, task) is not Status.PENDING:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.02)


async def test_a_purged_lane_is_filled_again(host: Host, vhost: str, rabbit_server: Rabbit) -> None:
    task = new_task(created_at=CLOCK.now() - timedelta(seconds=60), priority=Priority.HIGH)
    await host.submit(task)
    await until_pending(host, task)
    worker = new_worker()
    await host.store.workers.register(worker, now=CLOCK.now())
    await asyncio.to_thread(rabbit_server.purge, vhost_of(vhost), HIGH)
    watch = LaneWatch(host.store, host.dispatch, CLOCK, pause_seconds=0.1)
    await watch.start()

    async with host.consumer() as (consumer, _):
        (claimed,) = await take(consumer, 1)
    await watch.stop()

    assert claimed.id == task.id


async def test_a_lane_with_a_backlog_is_left_alone(host: Host, vhost: str, rabbit_server: Rabbit) -> None:
    now = CLOCK.now()
    # Created now, so that no sweep hands them over besides the nudge: each is marked once.
    tasks = [new_task(created_at=now, run_at=now - timedelta(seconds=60), priority=Priority.HIGH) for _ in range(3)]
    await host.submit(*tasks)
    for task in tasks:
        await until_pending(host, task)
    since = CLOCK.now() - timedelta(seconds=30)
    assert await host.store.handovers.has_waited(Lane("default", Priority.HIGH), since=since)

    assert (await host.dispatch.depth(Lane("default", Priority.HIGH)) or 0) >= len(tasks)
    versions = [await version_of(host, task) for task in tasks]
    watch = LaneWatch(host.store, host.dispatch, CLOCK, pause_seconds=0.01)
    await watch._look(Lane("default", Priority.HIGH))  # noqa: SLF001 - one look of the loop

    assert [await version_of(host, task) for task in tasks] == versions


async def test_a_wiped_broker_is_filled_from_the_store(host: Host, vhost: str, rabbit_server: Rabbit) -> None:
    tasks = [new_task(created_at=CLOCK.now() - timedelta(seconds=60)) for _ in range(20)]
    await host.submit(*tasks)
    for task in tasks:
        await until_pending(host, task)
    await host.store.workers.register(new_worker(), now=CLOCK.now())
    watch = LaneWatch(host.store, host.dispatch, CLOCK, pause_seconds=0.1)
    await watch.start()

    await asyncio.to_thread(rabbit_server.wipe)
    await until(lambda: not host.dispatch.available)
    await asyncio.to_thread(rabbit_server.start)
    await asyncio.to_thread(rabbit_server.create_vhost, vhost_of(vhost))
    await until(lambda: host.dispatch.available)
    async with host.consumer(slots=20) as (consumer, _):
        claimed = await take(consumer, 20, slots=20)
    await watch.stop()

    assert {task.id for task in claimed} == {task.id for task in tasks}


async def test_an_order_to_stop_reaches_its_worker_and_no_other(host: Host) -> None:
    async with host.consumer():
        order = StopOrder(host.identity.id, new_id(), 7)

        assert await host.dispatch.order_stop(order)
        await until(lambda: host.stopped)

        assert host.stopped == [(order.task_id, 7)]
        assert not await host.dispatch.order_stop(StopOrder(new_id(), new_id(), 1))


async def test_a_consumer_that_is_attached_to_nothing_notices_and_connects_anew(
    host: Host, vhost: str, rabbit_server: Rabbit
) -> None:
    async with host.consumer(watchdog_seconds=0.5) as (consumer, subscription):
        await host.relay.stop()  # so that no message is sent
        task = new_task(created_at=CLOCK.now() - timedelta(seconds=60))
        await host.store.tasks.insert([task])
        await host.store.handovers.mark_pending([hand_over(task)], guard_until=None)

        async with asyncio.timeout(20):
            while not (claimed := await consumer.take(1)):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.05)
        assert claimed[0].id == task.id
        await until(lambda: not subscription.attached)
        await until(lambda: subscription.attached)


async def test_a_paused_consumer_leaves_what_it_had_in_hand_to_another(host: Host) -> None:
    tasks = [new_task(created_at=CLOCK.now(), priority=Priority.HIGH) for _ in range(5)]
    async with host.consumer() as (full, held):
        await host.submit(*tasks)
        await until(held.heads)
        await full.pause()
        async with host.consumer() as (free, _):
            claimed = await take(free, 5)
        await full.resume()
        last = new_task(created_at=CLOCK.now())
        await host.submit(last)
        (after,) = await take(full, 1)

    assert {task.id for task in claimed} == {task.id for task in tasks}
    assert after.id == last.id


async def until_pending(host: Host, task: NewTask) -> None:
    async with asyncio.timeout(20):
        while await status_of(host, task) is not Status.PENDING:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


async def version_of(host: Host, task: NewTask) -> int:
    stored = await host.store.tasks.get(task.id)
    assert stored is not None
    return stored.version
