"""Statements that are given ids look at these rows alone, also on a connection that met the table when it was empty.

PostgreSQL plans a statement once and keeps the plan; nothing tells it in time that a million tasks wait now.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from narad.domain.decide import Finish
from narad.domain.fleet import MOST_COUNTED, Count
from narad.domain.status import Priority, Status
from narad.domain.task import NewTask, TaskError
from narad.ids import new_id
from narad.store.failures import MOST_FAILURES
from narad.store.store import Store
from tests.support.hosts import PATIENCE_SECONDS
from tests.support.stores import opened
from tests.support.tasks import NOW, completed, hand_over, later, log_line, new_task

WAITING = 20_000
QUEUES = 5
GIVEN = 20
ROUNDS = 10
EXECUTIONS_BEFORE_A_PLAN_IS_KEPT = 6
ERROR = TaskError(type="Oops", message="It failed.", traceback="x" * 2_000)

READ = "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'tasks'"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
async def onlooker(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("ALTER TABLE tasks SET (autovacuum_enabled = off)")  # it would have the plans made anew
    yield connection
    await connection.close()


async def rows_read(onlooker: asyncpg.Connection) -> int:
    """Rows that sessions which have ended read from the table; a session tells of the last when it ends."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await onlooker.fetchval(OTHERS):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
    rows: int = await onlooker.fetchval(READ)
    return rows


async def live(store: Store, tasks: Sequence[NewTask]) -> None:
    """Take tasks through all that is done to them by their ids."""
    ids = [task.id for task in tasks]
    await store.handovers.mark_pending([hand_over(task) for task in tasks], guard_until=later(60))
    claimed = await store.attempts.claim(ids, worker_id=new_id(), now=NOW)
    await store.tasks.cancel(ids[-1], now=NOW)
    await store.log_lines.add([log_line(task_id, 1) for task_id in ids])
    assert all(await store.attempts.finish([completed(task) for task in claimed[:-1]], now=NOW))
    assert len(claimed) == len(tasks)


async def test_what_is_done_to_tasks_by_their_ids_reads_no_other_tasks(
    postgres_url: str, onlooker: asyncpg.Connection
) -> None:
    async with opened(postgres_url) as store:
        for _ in range(EXECUTIONS_BEFORE_A_PLAN_IS_KEPT):
            few = [new_task(), new_task()]
            await store.tasks.insert(few)
            await live(store, few)
        waiting = [new_task() for _ in range(WAITING)]
        for first in range(0, WAITING, 1_000):
            await store.tasks.insert(waiting[first : first + 1_000])
        for number in range(ROUNDS):
            await live(store, waiting[number * GIVEN : (number + 1) * GIVEN])

    # Each of the three writes looks a row up twice, once to lock and once to change it, and that of log lines no more
    # often; the rest is for the first ones.
    assert await rows_read(onlooker) < 2 * 4 * ROUNDS * GIVEN * 2


async def test_what_is_counted_for_people_reads_no_more_than_the_limit(
    postgres_url: str, onlooker: asyncpg.Connection
) -> None:
    lanes = [(f"queue-{number}", priority) for number in range(QUEUES) for priority in Priority]
    waiting = [new_task(queue=queue, priority=priority) for queue, priority in lanes * (WAITING // len(lanes))]
    async with opened(postgres_url) as store:
        for first in range(0, WAITING, 1_000):
            await store.tasks.insert(waiting[first : first + 1_000])
    await onlooker.execute("ANALYZE tasks")
    before = await rows_read(onlooker)

    async with opened(postgres_url) as store:
        for _ in range(ROUNDS):
            assert len(await store.queues.names()) == QUEUES
    assert await rows_read(onlooker) - before < ROUNDS * QUEUES * 5
    before = await rows_read(onlooker)

    async with opened(postgres_url) as store:
        await store.queues.look({}, ["queue-0"], now=later(1))
    assert await rows_read(onlooker) - before < WAITING // QUEUES + 20
    before = await rows_read(onlooker)

    async with opened(postgres_url) as store:
        await store.statistics.status_counts()
    assert await rows_read(onlooker) - before < MOST_COUNTED + 20


async def test_a_look_at_the_load_and_the_failures_reads_no_more_than_the_limits(
    postgres_url: str, onlooker: asyncpg.Connection
) -> None:
    async with opened(postgres_url) as store:
        tasks = [new_task(queue=f"queue-{number % QUEUES}") for number in range(WAITING)]
        for first in range(0, WAITING, 1_000):
            await store.tasks.insert(tasks[first : first + 1_000])
        claimed = await store.attempts.claim(
            [task.id for task in tasks[: MOST_FAILURES * 2]], worker_id=new_id(), now=NOW
        )
        failed = [Finish(id=one.id, attempt=one.attempt, status=Status.FAILED, at=NOW, error=ERROR) for one in claimed]
        assert all(await store.attempts.finish(failed, now=NOW))
    await onlooker.execute("ANALYZE tasks")
    before = await rows_read(onlooker)

    async with opened(postgres_url) as store:
        assert (await store.load.look(now=later(60))).due == Count(MOST_COUNTED, "gte")
    assert await rows_read(onlooker) - before < MOST_COUNTED + QUEUES * len(Priority) * 5
    before = await rows_read(onlooker)

    async with opened(postgres_url) as store:
        assert len(await store.failures.newest()) == MOST_FAILURES
    assert await rows_read(onlooker) - before < MOST_FAILURES + 20
