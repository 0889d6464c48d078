"""What the stages of the service announce, each on a real store of either kind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from narad import Context, Fatal, Retry, handler
from narad.clock import SystemClock
from narad.dispatch.direct import DirectDispatch
from narad.domain.bulk import BulkAction, BulkOperation, BulkStatus, Place
from narad.domain.event import EventType, TaskEvent
from narad.domain.log_line import LogLine
from narad.domain.picking import AgeingQuota
from narad.domain.retry import RetryPolicy
from narad.domain.status import Priority, Status
from narad.domain.task import NewTask
from narad.errors import StoreUnavailableError
from narad.ids import new_id
from narad.relay.relay import Relay
from narad.service import Service
from narad.store.database import Database
from narad.store.filters import TaskFilter
from narad.store.store import Store
from narad.tally import Tally
from narad.upkeep.bulk import BulkExecutor
from narad.upkeep.expirer import Expirer
from narad.upkeep.rescuer import Patience, Rescuer
from narad.worker.handler import AnyHandler
from narad.worker.heartbeat import Rhythm
from narad.worker.processes import ProcessLimits
from narad.worker.worker import Worker, WorkerOptions
from tests.support.stores import GUARD, LEASE
from tests.support.tasks import new_task, new_worker

CLOCK = SystemClock()
PATIENCE = Patience(lease_seconds=0.01, overrun_seconds=60, pause_seconds=0.01)


class Recorder:
    """Notes what is announced."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.wanted = wanted
        self.events: list[TaskEvent] = []
        self._news = asyncio.Event()

    def publish(self, events: Sequence[TaskEvent]) -> None:
        self.events += events
        self._news.set()

    def types_of(self, task_id: UUID) -> list[EventType]:
        return [event.type for event in self.events if event.id == task_id]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds, looking after each announcement."""
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()


@handler("t.works")
async def works(ctx: Context) -> str:
    await ctx.progress(0.5)
    await asyncio.sleep(0.05)
    return "done"


@handler("t.logs")
async def logs(ctx: Context) -> None:
    ctx.log("one")
    ctx.log("two")


@handler("t.fails")
async def fails() -> None:
    raise Fatal("no")


@handler("t.tries_again")
async def tries_again(ctx: Context) -> None:
    if ctx.attempt == 1:
        raise Retry("again", after=0.01)


@handler("t.waits")
async def waits() -> None:
    await asyncio.Event().wait()


HANDLERS: Mapping[str, AnyHandler] = {h.name: h for h in (works, logs, fails, tries_again, waits)}
OPTIONS = WorkerOptions(
    concurrency=4,
    queues=("default",),
    rhythm=Rhythm(heartbeat_seconds=0.05, lease_seconds=30),
    process_limits=ProcessLimits(grace_seconds=0.3, most_tasks=100, most_bytes=536_870_912),
    most_result_bytes=262_144,
    policy=RetryPolicy(base_seconds=0.05),
    quota=AgeingQuota(),
    poll_seconds=0.02,
    watchdog_seconds=15,
    drain_seconds=0.1,
)


@asynccontextmanager
async def at_work(service: Service) -> AsyncIterator[None]:
    await service.start()
    try:
        yield
    finally:
        await service.stop()


def worker(store: Store, recorder: Recorder) -> Worker:
    def again() -> Store:
        return Store(
            Database(store.database.url, pool_size=1, timeout_seconds=20), lease=LEASE, guard=GUARD, list_seconds=20
        )

    return Worker(store, DirectDispatch(), HANDLERS, CLOCK, OPTIONS, Tally(), open_store=again, events=recorder)


async def submitted(store: Store, name: str, **fields: object) -> NewTask:
    task = new_task(handler=name, created_at=CLOCK.now(), **fields)
    await store.tasks.insert([task])
    return task


async def test_a_worker_tells_of_each_step_and_of_the_task(store: Store) -> None:
    recorder = Recorder()
    task = await submitted(store, "t.works", priority=Priority.HIGH)
    async with at_work(worker(store, recorder)):
        await recorder.until(lambda: EventType.COMPLETED in recorder.types_of(task.id))

    assert recorder.types_of(task.id) == [EventType.STARTED, EventType.PROGRESS, EventType.COMPLETED]
    assert {(e.handler, e.queue, e.priority, e.attempt) for e in recorder.events} == {
        ("t.works", "default", Priority.HIGH, 1)
    }
    assert [e.status for e in recorder.events] == [Status.IN_PROGRESS, Status.IN_PROGRESS, Status.COMPLETED]


async def test_a_worker_tells_once_of_lines_that_it_wrote_together_before_the_end(store: Store) -> None:
    recorder = Recorder()
    task = await submitted(store, "t.logs")
    async with at_work(worker(store, recorder)):
        await recorder.until(lambda: EventType.COMPLETED in recorder.types_of(task.id))

    assert recorder.types_of(task.id) == [EventType.STARTED, EventType.LOG, EventType.COMPLETED]
    assert [line.message for line in await store.log_lines.read(task.id, 10)] == ["one", "two"]


async def test_an_outcome_waits_until_the_store_takes_the_lines_of_its_attempt(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, refused = store.log_lines.add, list[int]()

    async def refuse_once(lines: Sequence[LogLine]) -> None:
        if not refused:
            refused.append(len(lines))
            raise StoreUnavailableError("away")
        await add(lines)

    monkeypatch.setattr(store.log_lines, "add", refuse_once)
    recorder = Recorder()
    task = await submitted(store, "t.logs")
    async with at_work(worker(store, recorder)):
        await recorder.until(lambda: EventType.COMPLETED in recorder.types_of(task.id))

    assert refused == [2]
    assert recorder.types_of(task.id) == [EventType.STARTED, EventType.LOG, EventType.COMPLETED]
    assert [line.number for line in await store.log_lines.read(task.id, 10)] == [1, 2]


async def test_a_worker_tells_of_failures_retries_and_cancels(store: Store) -> None:
    recorder = Recorder()
    failed, retried = await submitted(store, "t.fails"), await submitted(store, "t.tries_again")
    cancelled = await submitted(store, "t.waits")
    async with at_work(worker(store, recorder)):
        await recorder.until(lambda: EventType.STARTED in recorder.types_of(cancelled.id))
        await store.tasks.cancel(cancelled.id, now=CLOCK.now())
        await recorder.until(
            lambda: (
                EventType.CANCELLED in recorder.types_of(cancelled.id)
                and EventType.FAILED in recorder.types_of(failed.id)
                and EventType.COMPLETED in recorder.types_of(retried.id)
            )
        )

    assert recorder.types_of(failed.id) == [EventType.STARTED, EventType.FAILED]
    assert recorder.types_of(cancelled.id) == [EventType.STARTED, EventType.CANCELLED]
    started, pending = EventType.STARTED, EventType.PENDING
    assert recorder.types_of(retried.id) == [started, pending, started, EventType.COMPLETED]


async def test_a_worker_tells_of_what_it_hands_back(store: Store) -> None:
    recorder = Recorder()
    running = worker(store, recorder)
    task, unknown = await submitted(store, "t.waits"), await submitted(store, "t.elsewhere")
    async with at_work(running):
        await recorder.until(
            lambda: (
                EventType.STARTED in recorder.types_of(task.id) and EventType.PENDING in recorder.types_of(unknown.id)
            )
        )
    assert recorder.types_of(task.id) == [EventType.STARTED, EventType.PENDING]


async def test_a_worker_that_nobody_listens_to_announces_nothing(store: Store) -> None:
    deaf = Recorder(wanted=False)
    task = await submitted(store, "t.fails")
    async with at_work(worker(store, deaf)), asyncio.timeout(20):
        while (stored := await store.tasks.get(task.id)) is None or not stored.status.is_final:  # noqa: ASYNC110 - silent
            await asyncio.sleep(0.01)

    assert deaf.events == []


async def test_the_relay_tells_of_tasks_that_became_pending(store: Store) -> None:
    recorder = Recorder()
    relay = Relay(store.handovers, DirectDispatch(), CLOCK, sweep_seconds=0.05, events=recorder)
    async with at_work(relay):
        task = await submitted(store, "t.works")
        relay.nudge([task])
        await recorder.until(lambda: bool(recorder.events))

    assert [(e.type, e.id, e.status, e.attempt) for e in recorder.events] == [
        (EventType.PENDING, task.id, Status.PENDING, 0)
    ]


async def test_upkeep_tells_of_tasks_that_expired_and_of_those_that_it_rescued(store: Store) -> None:
    recorder, long_ago = Recorder(), CLOCK.now() - LEASE * 2
    lost = new_worker()
    await store.workers.register(lost, now=long_ago)
    held = new_task(created_at=long_ago)
    late = new_task(created_at=long_ago, expires_at=long_ago + timedelta(seconds=1))
    await store.tasks.insert([held, late])
    await store.attempts.claim([held.id], worker_id=lost.id, now=long_ago)

    rescuer = Rescuer(store, CLOCK, Tally(), patience=PATIENCE, policy=RetryPolicy(), events=recorder)
    expirer = Expirer(store.tasks, CLOCK, Tally(), pause_seconds=0.01, events=recorder)
    async with at_work(rescuer), at_work(expirer):
        await recorder.until(lambda: len(recorder.events) >= 2)

    assert {(e.type, e.id, e.status, e.attempt) for e in recorder.events} == {
        (EventType.FAILED, late.id, Status.FAILED, 0),
        (EventType.PENDING, held.id, Status.PENDING, 1),
    }


async def test_a_bulk_operation_tells_of_each_task_and_counts_what_it_ended(store: Store) -> None:
    recorder, tally = Recorder(), Tally()
    tasks = [await submitted(store, "t.works") for _ in range(3)]
    operation = BulkOperation(
        id=new_id(),
        action=BulkAction.CANCEL,
        priority=None,
        reason=None,
        status=BulkStatus.RUNNING,
        place=Place(),
        changed=0,
        missed=0,
        created_at=CLOCK.now(),
        finished_at=None,
        version=1,
    )
    await store.bulk.add(operation, TaskFilter())
    async with at_work(BulkExecutor(store.bulk, CLOCK, tally, pause_seconds=0.01, events=recorder)):
        await recorder.until(lambda: len(recorder.events) >= 3)

    assert {(e.type, e.id, e.status, e.version) for e in recorder.events} == {
        (EventType.CANCELLED, task.id, Status.CANCELLED, 2) for task in tasks
    }
    assert sum(tally.take().values()) == 3
