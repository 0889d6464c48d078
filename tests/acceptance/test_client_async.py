"""The client on a loop: the same as the one that blocks, over the same courses of requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import assert_type
from uuid import uuid4

import pytest

from narad import AsyncClient
from narad.client import AsyncTask, NewTask, NotFound, TaskCancelled, TaskFailed, WaitTimeout
from tests.support.handlers import hold, later
from tests.support.service import Service

_SECONDS = 30


@pytest.fixture
async def client(service: Service) -> AsyncIterator[AsyncClient]:
    """A client of the shared service."""
    async with AsyncClient(service.api.url) as client:
        yield client


async def test_many_tasks_are_created_and_waited_for_side_by_side(client: AsyncClient) -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)

    async def one(hours: int) -> datetime:
        task = await client.tasks.create(later, {"at": at, "by": timedelta(hours=hours)})
        assert_type(task, AsyncTask[datetime])
        return await task.result(timeout=_SECONDS)

    assert await asyncio.gather(*map(one, range(10))) == [at + timedelta(hours=hours) for hours in range(10)]


async def test_a_task_is_followed_to_its_end(client: AsyncClient) -> None:
    task = await client.tasks.create("demo.simulate", {"seconds": 0.4, "steps": 2})

    seen = [event.type async for event in task.stream(refresh=True)]

    assert seen[-1] == "task.completed"
    assert task.raw_result == {"seconds": 0.4, "steps": 2}


async def test_a_task_ends_without_a_result(client: AsyncClient) -> None:
    failing = await client.tasks.create("demo.fail", {"fatal": True})
    held = await client.tasks.create(hold, {"gate": uuid4().hex})
    assert_type(held, AsyncTask[int])

    with pytest.raises(TaskFailed):
        await failing.result(timeout=_SECONDS)
    with pytest.raises(WaitTimeout):
        await held.wait(timeout=0.2)
    await held.cancel("enough")
    with pytest.raises(TaskCancelled, match="enough"):
        await held.result(timeout=_SECONDS)
    assert (await (await failing.retry()).wait(timeout=_SECONDS)).attempt == 2
    with pytest.raises(NotFound):
        await client.tasks.get(str(uuid4()))


async def test_lists_batches_and_changes(client: AsyncClient, tag: str) -> None:
    items = [NewTask("demo.echo", {"n": n}, tags=[tag], delay=3_600) for n in range(3)]
    tasks = await client.tasks.create_many(items)
    await tasks[0].update(name="First")
    clone = await tasks[0].clone(delay=3_600)

    page = await client.tasks.list(tag=tag, limit=2)
    following = await page.next()

    assert following is not None
    assert {task.id for task in page.items + following.items} == {task.id for task in (*tasks, clone)}
    assert [task.name async for task in client.tasks.iter(tag=tag, name="first")] == ["First", "First"]
    cancelled = await (await client.bulk.cancel(filter={"tag": tag})).wait(timeout=_SECONDS)
    assert cancelled.changed == 4
    assert (await client.bulk.purge(filter={"tag": tag}, dry_run=True)).would_change.value == 4


async def test_events_of_all_tasks_can_be_let_go(client: AsyncClient, tag: str) -> None:
    task = await client.tasks.create("demo.echo", delay=3_600, tags=[tag])
    ticking = asyncio.create_task(_cancel_clones(client, task))

    async with aclosing(client.events(types=["task.cancelled"])) as events:
        seen = await anext(events)

    ticking.cancel()
    assert seen.type == "task.cancelled"


async def _cancel_clones(client: AsyncClient, task: AsyncTask[object]) -> None:
    """Have something to tell again and again: a stream tells only of what comes after it is open."""
    while True:
        await (await task.clone(delay=3_600)).cancel()


async def test_the_fleet_is_read(client: AsyncClient) -> None:
    worker = await anext(client.workers.iter(state=["online"]))

    assert (await client.handlers.get("demo.echo")).offered
    assert "demo.echo" in {one.name for one in await client.handlers.list()}
    assert (await client.workers.get(worker.id)).id == worker.id
    assert (await client.stats()).window == "5m"
    assert {one.name for one in await client.queues.list()} >= {"default"}
    assert (await client.with_options(timeout=5).request("GET", "/livez")).response.status == 200
