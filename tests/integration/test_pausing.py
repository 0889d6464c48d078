"""A paused queue on RabbitMQ: its messages stay where they are, one for each task, however long the pause."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, update

from narad.domain.status import Priority, Status
from narad.domain.task import Lane
from narad.store.tables import tasks
from tests.support.hosts import CLOCK, PATIENCE_SECONDS, Backend, Host, started, take, until
from tests.support.tasks import new_task

TASKS = 20
LANE = Lane("default", Priority.MEDIUM)


@pytest.fixture
def backend(postgres_url: str, vhost: str) -> Backend:
    """Tasks in PostgreSQL, carried by RabbitMQ."""
    return Backend(postgres_url, (vhost,))


@pytest.fixture
async def host(backend: Backend) -> AsyncIterator[Host]:
    """A host at work."""
    async with started(backend) as host:
        yield host


async def depth_of(host: Host, depth: int) -> None:
    """Wait until so many messages wait in the lane."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await host.dispatch.depth(LANE) != depth:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.02)


async def all_pending(host: Host) -> None:
    """Wait until everything is handed over and marked."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await host.store.statistics.status_counts()).counts[Status.NEW].value:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)


async def make_all_due_and_wait_for_the_sweep(host: Host) -> None:
    """As if the time of the guard were over for every task."""
    now = CLOCK.now()
    await host.store.database.run(update(tasks).values(due_at=now))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await host.store.database.read_built(select(tasks.c.id).where(tasks.c.due_at <= now)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_messages_of_a_paused_queue_do_not_pile_up(host: Host) -> None:
    async with host.consumer() as (consumer, subscription):
        await host.store.queues.pause("default", None, now=CLOCK.now())
        consumer.hold({"default"})
        assert list(await consumer.take(1)) == []
        waiting = [new_task(created_at=CLOCK.now()) for _ in range(TASKS)]
        await host.submit(*waiting)
        await depth_of(host, TASKS)
        await all_pending(host)

        for _ in range(5):
            await make_all_due_and_wait_for_the_sweep(host)

        assert await host.dispatch.depth(LANE) == TASKS
        assert not subscription.heads()
        await host.store.queues.resume("default")
        consumer.hold(())
        claimed = await take(consumer, TASKS)
        assert list(await consumer.take(10)) == []

    assert {task.id for task in claimed} == {task.id for task in waiting}


async def test_a_queue_stays_held_over_a_lost_connection(host: Host) -> None:
    async with host.consumer(queues=("default", "other")) as (consumer, subscription):
        consumer.hold({"default"})
        assert list(await consumer.take(1)) == []
        subscription.rebuild()
        await until(lambda: not subscription.attached)
        await until(lambda: subscription.attached)
        held, other = new_task(created_at=CLOCK.now()), new_task(created_at=CLOCK.now(), queue="other")
        await host.submit(held, other)

        (claimed,) = await take(consumer, 1)
        await depth_of(host, 1)

        assert claimed.id == other.id
        consumer.hold(())
        (released,) = await take(consumer, 1)

    assert released.id == held.id
