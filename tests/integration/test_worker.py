"""A worker on a real store, in this process: what it does with handlers, cancels, time limits and lost leases."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete

from narad import Context, Fatal, Retry, Snooze, handler
from narad.clock import SystemClock
from narad.dispatch.direct import DirectDispatch
from narad.domain.fleet import WorkerOrder, WorkerState
from narad.domain.picking import AgeingQuota
from narad.domain.retry import RetryPolicy
from narad.domain.statistics import Measure
from narad.domain.status import Status
from narad.domain.task import NewTask, Progress, Task
from narad.store.database import Database
from narad.store.store import Store
from narad.store.tables import handlers as handlers_table
from narad.tally import Tally
from narad.worker.handler import AnyHandler
from narad.worker.heartbeat import Rhythm
from narad.worker.processes import ProcessLimits
from narad.worker.worker import Worker, WorkerOptions
from tests.support.hosts import until
from tests.support.stores import GUARD, LEASE
from tests.support.tasks import new_task

CLOCK = SystemClock()
started = asyncio.Event()
gate = threading.Event()


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    """Each test has its own signals."""
    globals().update(started=asyncio.Event(), gate=threading.Event())


@handler("t.returns")
async def returns(value: int) -> dict[str, int]:
    return {"double": value * 2}


@handler("t.thread")
def in_a_thread(ctx: Context) -> str:
    ctx.progress(0.25, "in a thread")
    return threading.current_thread().name


@handler("t.waits")
async def waits() -> None:
    started.set()
    await asyncio.Event().wait()


@handler("t.swallows")
async def swallows() -> str:
    started.set()
    while not gate.is_set():
        try:
            await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            continue
    return "too late"


@handler("t.checks")
def checks(ctx: Context) -> str:
    while not gate.wait(0.01):
        ctx.raise_if_cancelled()
    return "went on"


@handler("t.raises", retry_on=(OSError,))
async def raises(how: str, ctx: Context) -> None:
    raise {
        "fatal": Fatal("never again"),
        "retry": Retry("soon", after=0.05),
        "snooze": Snooze(0.05) if ctx.attempt == 1 else Fatal("woke up"),
        "os": OSError("disk"),
        "value": ValueError("not worth another try"),
    }[how]


@handler("t.unstorable")
async def unstorable() -> object:
    return {"set": {1, 2}, "x": object()}


@handler("t.blocks")
async def blocks(seconds: float) -> None:
    time.sleep(seconds)  # noqa: ASYNC251 - the very mistake that is tested


@handler("t.large")
async def large() -> str:
    return "x" * 300_000


HANDLERS: Mapping[str, AnyHandler] = {
    h.name: h for h in (returns, in_a_thread, waits, swallows, checks, raises, unstorable, large, blocks)
}


def options(**changes: float) -> WorkerOptions:
    return WorkerOptions(
        concurrency=4,
        queues=("default",),
        rhythm=Rhythm(heartbeat_seconds=changes.get("heartbeat", 0.05), lease_seconds=changes.get("lease", 30.0)),
        process_limits=ProcessLimits(grace_seconds=changes.get("grace", 0.3), most_tasks=100, most_bytes=536_870_912),
        most_result_bytes=262_144,
        policy=RetryPolicy(base_seconds=0.05),
        quota=AgeingQuota(),
        poll_seconds=0.05,
        watchdog_seconds=15,
        drain_seconds=changes.get("drain", 0.3),
        publish_seconds=changes.get("publish", 86_400.0),
    )


def again(store: Store) -> Store:
    """The same store with connections of its own, as the heartbeat needs it in its thread."""
    database = Database(store.database.url, pool_size=1, timeout_seconds=20)
    return Store(database, lease=LEASE, guard=GUARD, list_seconds=20)


@asynccontextmanager
async def working(store: Store, tally: Tally | None = None, **changes: float) -> AsyncIterator[Worker]:
    worker = Worker(
        store,
        DirectDispatch(),
        HANDLERS,
        CLOCK,
        options(**changes),
        tally or Tally(),
        open_store=lambda: again(store),
    )
    await worker.start()
    try:
        yield worker
    finally:
        gate.set()
        await worker.stop()


async def submitted(store: Store, name: str, **fields: object) -> NewTask:
    task = new_task(handler=name, created_at=CLOCK.now(), **fields)
    await store.tasks.insert([task])
    return task


async def reached(store: Store, task: NewTask, when: Callable[[Task], bool]) -> Task:
    async with asyncio.timeout(20):
        while True:
            stored = await store.tasks.get(task.id)
            assert stored is not None
            if when(stored):
                return stored
            await asyncio.sleep(0.01)


async def finished(store: Store, task: NewTask) -> Task:
    return await reached(store, task, lambda stored: stored.status.is_final)


async def in_time(awaited: Awaitable[object]) -> None:
    async with asyncio.timeout(20):
        await awaited


async def test_what_a_handler_returns_is_kept(store: Store) -> None:
    async with working(store) as worker:
        task = await finished(store, await submitted(store, "t.returns", payload={"value": 21}))

    assert (task.status, task.result, task.attempt, task.worker_id) == (Status.COMPLETED, {"double": 42}, 1, worker.id)
    assert task.started_at is not None
    assert task.finished_at is not None
    assert task.started_at <= task.finished_at


async def test_a_plain_function_runs_in_a_thread_and_its_last_progress_is_kept(store: Store) -> None:
    async with working(store):
        task = await finished(store, await submitted(store, "t.thread"))

    assert str(task.result).startswith("narad-handler")
    assert task.progress == Progress(value=0.25, message="in a thread")


async def test_a_payload_that_does_not_fit_fails_at_once(store: Store) -> None:
    async with working(store):
        task = await finished(store, await submitted(store, "t.returns", payload={"value": "many"}))

    assert task.error is not None
    assert (task.status, task.error.type, task.failures, task.attempt) == (Status.FAILED, "PayloadError", 1, 1)


@pytest.mark.parametrize(
    ("how", "error_type", "attempts", "failures"),
    [
        ("fatal", "Fatal", 1, 1),
        ("retry", "Retry", 3, 3),
        ("snooze", "Fatal", 2, 1),
        ("os", "OSError", 3, 3),
        ("value", "ValueError", 1, 1),
    ],
)
async def test_what_a_handler_raises_steers_what_comes_next(
    store: Store, how: str, error_type: str, attempts: int, failures: int
) -> None:
    async with working(store):
        task = await finished(store, await submitted(store, "t.raises", payload={"how": how}))

    assert task.error is not None
    assert (task.status, task.error.type) == (Status.FAILED, error_type)
    assert (task.attempt, task.failures) == (attempts, failures)
    assert task.error.traceback is not None


@pytest.mark.parametrize("name", ["t.unstorable", "t.large"])
async def test_a_result_that_cannot_be_stored_fails_the_task_with_the_reason(store: Store, name: str) -> None:
    async with working(store):
        task = await finished(store, await submitted(store, name))

    assert task.error is not None
    assert (task.status, task.error.type) == (Status.FAILED, "ResultError")


@pytest.mark.parametrize("name", ["t.waits", "t.checks"])
async def test_a_running_handler_is_cancelled_by_the_next_beat(store: Store, name: str) -> None:
    async with working(store):
        task = await submitted(store, name)
        await reached(store, task, lambda stored: stored.status is Status.IN_PROGRESS)

        await store.tasks.cancel(task.id, now=CLOCK.now())
        stored = await finished(store, task)

    assert (stored.status, stored.failures) == (Status.CANCELLED, 0)


async def test_a_handler_that_swallows_its_cancel_is_recorded_at_the_grace_and_keeps_its_slot(store: Store) -> None:
    async with working(store) as worker:
        task = await submitted(store, "t.swallows")
        await in_time(started.wait())

        await store.tasks.cancel(task.id, now=CLOCK.now())
        stored = await finished(store, task)
        busy = worker.busy
        gate.set()

    assert (stored.status, stored.result, busy) == (Status.CANCELLED, None, 1)
    assert worker.busy == 0


async def test_a_time_limit_counts_as_a_failure(store: Store) -> None:
    async with working(store):
        task = await finished(store, await submitted(store, "t.waits", timeout_seconds=0.05, max_attempts=2))

    assert task.error is not None
    assert (task.status, task.error.type, task.failures, task.attempt) == (Status.FAILED, "Timeout", 2, 2)


async def test_a_task_of_an_unknown_handler_is_given_back_uncharged(store: Store) -> None:
    async with working(store):
        submitted_task = await submitted(store, "t.elsewhere")
        task = await reached(
            store, submitted_task, lambda stored: stored.attempt == 1 and stored.status is Status.PENDING
        )

    assert (task.failures, task.losses) == (0, 0)
    assert task.run_at > CLOCK.now()


async def test_a_drain_lets_short_handlers_end_and_hands_long_ones_back_uncharged(store: Store) -> None:
    async with working(store) as worker:
        long = await submitted(store, "t.waits")
        await in_time(started.wait())
        await worker.stop()

    stored = await reached(store, long, lambda stored: stored.status is Status.PENDING)
    assert (stored.failures, stored.losses) == (0, 0)
    assert stored.run_at <= CLOCK.now()


async def test_a_drained_worker_takes_nothing_more(store: Store) -> None:
    async with working(store) as worker:
        await worker.stop()
        task = await submitted(store, "t.returns", payload={"value": 1})

        stored = await store.tasks.get(task.id)

    assert stored is not None
    assert stored.status is Status.NEW


async def test_a_worker_declared_lost_stops_its_handlers_and_goes_on_under_a_new_id(store: Store) -> None:
    async with working(store) as worker:
        before = worker.id
        task = await submitted(store, "t.waits")
        await in_time(started.wait())

        await store.workers.rescue(now=CLOCK.now() + timedelta(seconds=60))
        again_task = await finished(store, await submitted(store, "t.returns", payload={"value": 1}))
        rescued = await store.tasks.get(task.id)

    assert rescued is not None
    assert (rescued.status, rescued.losses, rescued.failures) == (Status.PENDING, 1, 0)
    assert worker.id != before
    assert again_task.worker_id == worker.id


async def test_a_handler_that_blocks_the_loop_does_not_cost_the_lease(store: Store) -> None:
    async with working(store, lease=0.5) as worker:
        before = worker.id
        task = await submitted(store, "t.blocks", payload={"seconds": 1.5})
        rescuer = asyncio.create_task(asyncio.to_thread(rescues, store, 2.0))
        stored = await finished(store, task)

        assert await rescuer == 0

    assert (stored.status, stored.attempt, worker.id) == (Status.COMPLETED, 1, before)


def rescues(store: Store, seconds: float) -> int:
    """How many tasks a rescuer of another process finds in that time."""

    async def look() -> int:
        own = again(store)
        found = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found += len(await own.workers.rescue(now=CLOCK.now()))
            await asyncio.sleep(0.05)
        await own.database.close()
        return found

    return asyncio.run(look())


async def test_a_claim_whose_answer_was_lost_is_given_back_after_two_beats(store: Store) -> None:
    async with working(store) as worker:
        task = await submitted(store, "t.elsewhere", queue="another")
        await store.attempts.claim([task.id], worker_id=worker.id, now=CLOCK.now())

        stored = await reached(store, task, lambda stored: stored.status is Status.PENDING)

    assert (stored.attempt, stored.failures, stored.losses) == (1, 0, 0)


async def test_what_a_worker_owns_without_knowing_is_given_back_when_it_stops(store: Store) -> None:
    async with working(store, heartbeat=10) as worker:
        task = await submitted(store, "t.elsewhere", queue="another")
        await store.attempts.claim([task.id], worker_id=worker.id, now=CLOCK.now())

        await worker.stop()

    stored = await store.tasks.get(task.id)
    assert stored is not None
    assert (stored.status, stored.failures, stored.losses) == (Status.PENDING, 0, 0)
    assert not await store.workers.renew(worker.id, now=CLOCK.now())


async def beaten(store: Store, worker: Worker) -> None:
    """Wait for a heartbeat that was asked for from now on."""
    since = CLOCK.now()
    async with asyncio.timeout(20):
        while True:
            status = await store.fleet.get(worker.id, now=CLOCK.now())
            if status is not None and status.heartbeat_at > since:
                return
            await asyncio.sleep(0.01)


async def test_a_quiet_worker_starts_nothing_and_ends_what_it_runs_until_it_is_resumed(store: Store) -> None:
    async with working(store) as worker:
        running = await submitted(store, "t.checks")
        await reached(store, running, lambda stored: stored.status is Status.IN_PROGRESS)
        await store.fleet.order(worker.id, WorkerOrder.QUIET, now=CLOCK.now())
        await until(lambda: worker.resting)

        waiting = await submitted(store, "t.returns", payload={"value": 1})
        gate.set()
        assert (await finished(store, running)).status is Status.COMPLETED
        await beaten(store, worker)
        stored = await store.tasks.get(waiting.id)
        assert stored is not None
        assert stored.status is Status.NEW

        await store.fleet.order(worker.id, None, now=CLOCK.now())
        assert (await finished(store, waiting)).status is Status.COMPLETED
        assert not worker.dismissed.is_set()


async def test_a_quiet_worker_can_be_stopped(store: Store) -> None:
    async with working(store) as worker:
        await store.fleet.order(worker.id, WorkerOrder.QUIET, now=CLOCK.now())
        await until(lambda: worker.resting)

        await in_time(worker.stop())

    status = await store.fleet.get(worker.id, now=CLOCK.now())
    assert status is not None
    assert status.state is WorkerState.STOPPED


async def test_a_quiet_worker_that_is_declared_lost_stays_quiet_under_its_new_id(store: Store) -> None:
    async with working(store) as worker:
        before = worker.id
        await store.fleet.order(before, WorkerOrder.QUIET, now=CLOCK.now())
        await beaten(store, worker)

        await store.workers.rescue(now=CLOCK.now() + timedelta(seconds=60))
        async with asyncio.timeout(20):
            while worker.id == before:  # noqa: ASYNC110 - set by the thread of the heartbeat
                await asyncio.sleep(0.01)

        status = await store.fleet.get(worker.id, now=CLOCK.now())

    assert status is not None
    assert status.state is WorkerState.QUIET


async def test_an_order_to_drain_dismisses_the_worker_which_starts_nothing_more(store: Store) -> None:
    async with working(store) as worker:
        await store.fleet.order(worker.id, WorkerOrder.DRAIN, now=CLOCK.now())

        await in_time(worker.dismissed.wait())
        await until(lambda: worker.resting)
        task = await submitted(store, "t.returns", payload={"value": 1})
        await beaten(store, worker)

        stored = await store.tasks.get(task.id)
        assert stored is not None
        assert stored.status is Status.NEW


async def test_a_worker_starts_nothing_from_a_queue_that_was_paused_before_it_started(store: Store) -> None:
    await store.queues.pause("default", None, now=CLOCK.now())
    task = await submitted(store, "t.returns", payload={"value": 1})
    async with working(store) as worker:
        await beaten(store, worker)
        await beaten(store, worker)
        stored = await store.tasks.get(task.id)
        assert stored is not None
        assert stored.status is Status.NEW

        await store.queues.resume("default")
        assert (await finished(store, task)).status is Status.COMPLETED


async def test_the_heartbeat_tells_how_many_slots_are_in_use(store: Store) -> None:
    async with working(store) as worker:
        task = await submitted(store, "t.waits")
        await in_time(started.wait())
        await beaten(store, worker)

        status = await store.fleet.get(worker.id, now=CLOCK.now())

    assert status is not None
    assert (status.busy, [running.id for running in status.tasks]) == (1, [task.id])


async def test_what_became_of_tasks_is_counted_with_the_times_of_their_attempts(store: Store) -> None:
    tally = Tally()
    async with working(store, tally):
        await finished(store, await submitted(store, "t.returns", payload={"value": 1}))
        await finished(store, await submitted(store, "t.raises", payload={"how": "retry"}, max_attempts=2))
        await finished(store, await submitted(store, "t.raises", payload={"how": "snooze"}))
        waits = await submitted(store, "t.waits")
        await in_time(started.wait())
        await store.tasks.cancel(waits.id, now=CLOCK.now())
        await finished(store, waits)

    counts: dict[tuple[str, Measure], int] = {}
    for (handler_name, _, measure, _), count in tally.take().items():
        counts[handler_name, measure] = counts.get((handler_name, measure), 0) + count
    assert counts == {
        ("t.returns", Measure.COMPLETED): 1,
        ("t.returns", Measure.WAIT): 1,
        ("t.returns", Measure.RUN): 1,
        ("t.raises", Measure.FAILED): 2,
        ("t.raises", Measure.WAIT): 3,  # two failed attempts of one, the second of the other; a snooze is none
        ("t.raises", Measure.RUN): 3,
        ("t.waits", Measure.CANCELLED): 1,
        ("t.waits", Measure.WAIT): 1,
        ("t.waits", Measure.RUN): 1,
    }


async def test_a_worker_publishes_its_handlers_again_and_again(store: Store) -> None:
    async with working(store, publish=0.05), asyncio.timeout(20):
        async with store.database.transaction() as connection:
            await connection.execute(delete(handlers_table))

        while {entry.name for entry in await store.catalogue.known(now=CLOCK.now())} != set(HANDLERS):  # noqa: ASYNC110 - of a database
            await asyncio.sleep(0.01)
