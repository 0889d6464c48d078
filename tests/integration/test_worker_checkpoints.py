"""What a worker does with checkpoints: when it reads them, and when they are gone."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from narad import Context, Fatal, Retry, TaskCancelled, handler
from narad.clock import SystemClock
from narad.dispatch.direct import DirectDispatch
from narad.domain.picking import AgeingQuota
from narad.domain.retry import RetryPolicy
from narad.domain.status import Status
from narad.domain.task import NewTask, Task
from narad.store.database import Database
from narad.store.store import Store
from narad.tally import Tally
from narad.worker.heartbeat import Rhythm
from narad.worker.processes import ProcessLimits
from narad.worker.worker import Worker, WorkerOptions
from tests.support.hosts import until
from tests.support.stores import GUARD, LEASE
from tests.support.tasks import new_task

CLOCK = SystemClock()


@handler("t.saves")
async def saves(how: str, ctx: Context) -> object:
    found = ctx.checkpoint
    await ctx.save_checkpoint([ctx.attempt])
    if found is None and how == "retried":
        raise Retry(after=0.01)
    if how == "failed":
        raise Fatal("never again")
    return found


@handler("t.late")
def late(ctx: Context) -> None:
    ended.wait(20)
    try:
        ctx.save_checkpoint("late")
    except TaskCancelled:
        refused.append(ctx.attempt)
        raise


refused: list[int] = []
ended = threading.Event()


@asynccontextmanager
async def working(store: Store) -> AsyncIterator[None]:
    def again() -> Store:
        database = Database(store.database.url, pool_size=1, timeout_seconds=20)
        return Store(database, lease=LEASE, guard=GUARD, list_seconds=20)

    options = WorkerOptions(
        concurrency=2,
        queues=("default",),
        rhythm=Rhythm(heartbeat_seconds=0.05, lease_seconds=30),
        process_limits=ProcessLimits(grace_seconds=0.1, most_tasks=1, most_bytes=1 << 40),
        most_result_bytes=1_000,
        policy=RetryPolicy(base_seconds=0.05),
        quota=AgeingQuota(),
        poll_seconds=0.05,
        watchdog_seconds=15,
        drain_seconds=1,
    )
    handlers = {one.name: one for one in (saves, late)}
    worker = Worker(store, DirectDispatch(), handlers, CLOCK, options, Tally(), open_store=again)
    await worker.start()
    try:
        yield
    finally:
        await worker.stop()


async def submitted(store: Store, name: str, **fields: object) -> NewTask:
    task = new_task(handler=name, created_at=CLOCK.now(), **fields)
    await store.tasks.insert([task])
    return task


async def finished(store: Store, task: NewTask) -> Task:
    async with asyncio.timeout(20):
        while True:
            stored = await store.tasks.get(task.id)
            assert stored is not None
            if stored.status.is_final:
                return stored
            await asyncio.sleep(0.01)


async def test_a_checkpoint_is_gone_when_its_task_has_completed(store: Store) -> None:
    async with working(store):
        task = await finished(store, await submitted(store, "t.saves", payload={"how": "retried"}))

    assert (task.status, task.result) == (Status.COMPLETED, [1])
    assert await store.checkpoints.read(task.id) is None


async def test_a_checkpoint_stays_with_a_task_that_people_may_run_again(store: Store) -> None:
    async with working(store):
        task = await finished(store, await submitted(store, "t.saves", payload={"how": "failed"}))

    assert task.status is Status.FAILED
    assert await store.checkpoints.read(task.id) == [1]


async def test_an_attempt_that_was_ended_at_its_time_limit_saves_nothing(store: Store) -> None:
    refused.clear()
    ended.clear()
    async with working(store):
        task = await submitted(store, "t.late", timeout_seconds=0.2, max_attempts=1)
        stored = await finished(store, task)
        ended.set()
        await until(lambda: refused == [1])

    assert stored.error is not None
    assert (stored.status, stored.error.type) == (Status.FAILED, "Timeout")
    assert await store.checkpoints.read(task.id) is None
