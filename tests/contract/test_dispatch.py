"""What every dispatch is promised to do, with the relay before it and a worker's consumer behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest

from narad.domain.picking import AgeingQuota
from narad.domain.status import Priority, Status
from narad.domain.task import NewTask
from tests.support.hosts import CLOCK, Backend, Host, started, take, until
from tests.support.tasks import hand_over, new_task, put_back


@pytest.fixture(params=["direct on sqlite", "direct on postgresql", "rabbitmq"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every pair of store and dispatch that the product has."""
    match request.param:
        case "direct on sqlite":
            return Backend(request.getfixturevalue("sqlite_url"), ())
        case "direct on postgresql":
            return Backend(request.getfixturevalue("postgres_url"), ())
        case _:
            return Backend(request.getfixturevalue("postgres_url"), (request.getfixturevalue("vhost"),))


@pytest.fixture
async def host(backend: Backend) -> AsyncIterator[Host]:
    """A host at work."""
    async with started(backend) as host:
        yield host


def fresh(**fields: object) -> NewTask:
    """A task submitted now."""
    return new_task(created_at=CLOCK.now(), **fields)


async def status_of(host: Host, task_id: UUID) -> Status:
    task = await host.store.tasks.get(task_id)
    assert task is not None
    return task.status


async def test_a_submitted_task_reaches_a_worker(host: Host) -> None:
    async with host.consumer() as (consumer, _):
        task = fresh(payload={"n": 1})
        await host.submit(task)

        (claimed,) = await take(consumer, 1)

    assert (claimed.id, json.loads(claimed.payload), claimed.attempt) == (task.id, {"n": 1}, 1)


async def test_a_submitted_task_becomes_pending_while_no_worker_takes_it(host: Host) -> None:
    task = fresh()
    await host.submit(task)

    async with asyncio.timeout(20):
        while await status_of(host, task.id) is not Status.PENDING:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


async def test_a_task_whose_nudge_was_lost_is_swept_up(host: Host) -> None:
    async with host.consumer() as (consumer, _):
        task = new_task(created_at=CLOCK.now() - timedelta(seconds=60))
        await host.store.tasks.insert([task])

        (claimed,) = await take(consumer, 1)

    assert claimed.id == task.id


async def test_every_task_of_a_crowd_reaches_exactly_one_of_several_workers(backend: Backend, host: Host) -> None:
    tasks = [fresh(priority=list(Priority)[number % 3]) for number in range(300)]
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(started(backend))
        consumers = [(await stack.enter_async_context(h.consumer()))[0] for h in (host, other, host)]
        counts = {task.id: 0 for task in tasks}
        done = asyncio.Event()

        async def work(number: int) -> None:
            while not done.is_set():
                for claimed in await consumers[number].take(10):
                    counts[claimed.id] += 1
                if sum(counts.values()) >= len(tasks):
                    done.set()
                await consumers[number].wait()

        workers = [asyncio.create_task(work(number)) for number in range(3)]
        await host.submit(*tasks)
        async with asyncio.timeout(30):
            await done.wait()
        for consumer in consumers:
            consumer.wake()
        await asyncio.gather(*workers)

    assert set(counts.values()) == {1}


async def test_a_task_handed_over_twice_is_claimed_once(host: Host) -> None:
    async with host.consumer() as (consumer, subscription):
        task, after = fresh(), fresh()
        await host.store.tasks.insert([task])
        for _ in range(3):
            assert list(await host.dispatch.hand_over([hand_over(task)])) == [task.id]

        (claimed,) = await take(consumer, 1)
        await host.submit(after)
        (second,) = await take(consumer, 1)

        assert (claimed.id, second.id) == (task.id, after.id)
        await until(lambda: not subscription.heads())


async def test_a_cancelled_task_reaches_nobody(host: Host) -> None:
    gone, kept = fresh(priority=Priority.HIGH), fresh(priority=Priority.LOW)
    await host.submit(gone)
    await host.store.tasks.cancel(gone.id, now=CLOCK.now())

    async with host.consumer() as (consumer, _):
        await host.submit(kept)
        (claimed,) = await take(consumer, 1)

    assert claimed.id == kept.id
    assert await status_of(host, gone.id) is Status.CANCELLED


async def test_a_delayed_task_arrives_at_its_time_and_not_before(host: Host) -> None:
    async with host.consumer() as (consumer, _):
        run_at = CLOCK.now() + timedelta(seconds=0.5)
        await host.submit(fresh(run_at=run_at))

        await take(consumer, 1)

    assert CLOCK.now() >= run_at


async def test_a_task_put_back_arrives_again(host: Host) -> None:
    async with host.consumer() as (consumer, _):
        await host.submit(fresh())
        (first,) = await take(consumer, 1)
        await host.store.attempts.finish([put_back(first, CLOCK.now() + timedelta(seconds=0.2))], now=CLOCK.now())

        (second,) = await take(consumer, 1)

    assert (second.id, second.attempt, second.failures) == (first.id, 2, 0)


async def test_the_most_urgent_go_first(host: Host) -> None:
    tasks = [fresh(priority=priority) for priority in Priority for _ in range(3)]
    await host.submit(*tasks)

    async with host.consumer(slots=12, quota=AgeingQuota(every=1_000)) as (consumer, subscription):
        if host.dispatch.may_lose:
            await until(lambda: len(subscription.heads()) == len(Priority))
        order = [(await take(consumer, 1, slots=1))[0].priority for _ in tasks]

    assert order == sorted(order, key=list(Priority).index, reverse=True)


async def test_a_worker_gets_tasks_of_its_own_queues_only(host: Host) -> None:
    async with host.consumer(queues=("images", "reports")) as (consumer, _):
        await host.submit(fresh(queue="default"), fresh(queue="images"), fresh(queue="reports"))

        claimed = await take(consumer, 2)
        more = await consumer.take(10)

    assert {task.queue for task in claimed} == {"images", "reports"}
    assert list(more) == []


async def test_what_a_closed_consumer_held_goes_to_another(host: Host) -> None:
    tasks = [fresh() for _ in range(5)]
    async with host.consumer() as (_, subscription):
        await host.submit(*tasks)
        if host.dispatch.may_lose:
            await until(subscription.heads)

    async with host.consumer() as (consumer, _):
        claimed = await take(consumer, 5)

    assert {task.id for task in claimed} == {task.id for task in tasks}


async def test_a_held_queue_gives_nothing_and_keeps_what_it_has_until_it_is_let_go(host: Host) -> None:
    async with host.consumer(queues=("images", "reports")) as (consumer, subscription):
        before = [fresh(queue="images", priority=priority) for priority in Priority]
        await host.submit(*before)
        if host.dispatch.may_lose:
            await until(lambda: len(subscription.heads()) == len(Priority))

        await host.store.queues.pause("images", None, now=CLOCK.now())
        consumer.hold({"images"})
        after, other = fresh(queue="images"), fresh(queue="reports")
        await host.submit(after, other)
        (claimed,) = await take(consumer, 1)
        assert list(await consumer.take(10)) == []
        assert not subscription.heads()

        await host.store.queues.resume("images")
        consumer.hold(())
        released = await take(consumer, 4)

    assert claimed.id == other.id
    assert {task.id for task in released} == {task.id for task in [*before, after]}
    assert {task.attempt for task in released} == {1}


async def test_what_was_in_hand_of_a_held_queue_goes_to_a_worker_that_does_not_hold_it(host: Host) -> None:
    async with host.consumer() as (holding, subscription), host.consumer() as (other, _):
        tasks = [fresh() for _ in range(12)]
        await host.submit(*tasks)
        if host.dispatch.may_lose:
            await until(subscription.heads)

        holding.hold({"default"})
        if host.dispatch.may_lose:
            assert list(await holding.take(10)) == []
        claimed = await take(other, 12)

    assert {task.id for task in claimed} == {task.id for task in tasks}


async def test_a_queue_stays_held_while_a_worker_leaves_all_to_others_and_comes_back(host: Host) -> None:
    async with host.consumer(queues=("images", "reports")) as (consumer, subscription):
        await host.store.queues.pause("images", None, now=CLOCK.now())
        consumer.hold({"images"})
        await consumer.pause()
        held, other = fresh(queue="images"), fresh(queue="reports")
        await host.submit(held, other)
        await consumer.resume()

        (claimed,) = await take(consumer, 1)

        assert claimed.id == other.id
        assert list(await consumer.take(10)) == []
        assert not subscription.heads()
