"""The usual lists read about as many rows as they show, however many there are, and whatever was planned before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from narad.domain.status import Priority, Status
from narad.ids import first_id_at
from narad.store.filters import TaskFilter
from narad.store.lists import Counted, Span
from narad.store.order import Order, Position, SortKey
from tests.support.hosts import PATIENCE_SECONDS
from tests.support.stores import opened

TASKS = 20_000
PAGE = 50
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = BEGIN + timedelta(minutes=TASKS / 2)
END = BEGIN + timedelta(minutes=TASKS)

# A task a minute. The oldest wait, and the newest are not even handed over; of those between, 2 in 100 failed and 1
# was cancelled.
FILL = """
INSERT INTO tasks (id, name, priority, status, handler, queue, payload, tags, created_at, run_at, due_at, started_at,
                   finished_at, worker_id, attempt, max_attempts, max_losses)
SELECT (lpad(to_hex((extract(epoch FROM made_at) * 1000)::bigint), 12, '0') || '7000' || '8000'
        || lpad(to_hex(n), 12, '0'))::uuid,
       'task ' || n, n % 3, status, 'demo.echo', 'default', '{}', '[]', made_at, made_at,
       CASE WHEN status = 0 THEN made_at END, CASE WHEN status > 1 THEN made_at END,
       CASE WHEN status > 1 THEN made_at + interval '1 second' END, '00000000-0000-7000-8000-000000000001', 1, 3, 3
FROM (SELECT n, CASE WHEN n <= 1000 THEN 1 WHEN n > 15000 THEN 0
                     WHEN n % 100 < 97 THEN 3 WHEN n % 100 < 99 THEN 4 ELSE 5 END AS status,
             $2::timestamptz + n * interval '1 minute' AS made_at
      FROM generate_series(1, $1::integer) AS n) AS made
"""
READ = "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'tasks'"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

NEWEST, OLDEST = Order(), Order(descending=False)
FIRST = Span(limit=PAGE)
FAR = Span(limit=PAGE, after=Position(first_id_at(MIDDLE)))
BACK = Span(limit=PAGE, before=Position(first_id_at(MIDDLE)))
LATEST = Order(SortKey.FINISHED_AT)
URGENT = Order(SortKey.PRIORITY)
FAILED = TaskFilter(status=(Status.FAILED,))
OPEN = TaskFilter(status=(Status.NEW, Status.PENDING, Status.IN_PROGRESS))
LISTS = {
    "newest": (TaskFilter(), NEWEST, FIRST),
    "oldest": (TaskFilter(), OLDEST, FIRST),
    "far page": (TaskFilter(), NEWEST, FAR),
    "page before": (TaskFilter(), NEWEST, BACK),
    "waiting longest": (TaskFilter(status=(Status.PENDING,)), NEWEST, FIRST),
    "completed, behind all that are new": (TaskFilter(status=(Status.COMPLETED,)), NEWEST, FIRST),
    "failed": (FAILED, NEWEST, FIRST),
    "failed, far page": (FAILED, NEWEST, FAR),
    "open": (OPEN, NEWEST, FIRST),
    "all that has ended": (TaskFilter(status=(Status.COMPLETED, Status.FAILED, Status.CANCELLED)), NEWEST, FIRST),
    "of an hour": (
        TaskFilter(handler=("none",), created_after=MIDDLE, created_before=MIDDLE + timedelta(hours=1)), NEWEST, FIRST
    ),
    "after the last": (TaskFilter(created_after=END + timedelta(hours=2)), NEWEST, FIRST),
    "before the first": (TaskFilter(finished_before=BEGIN - timedelta(hours=2)), NEWEST, FIRST),
    "by id": (TaskFilter(id=tuple(UUID(int=n) for n in range(100))), NEWEST, FIRST),
    "latest": (TaskFilter(), LATEST, FIRST),
    "latest, far page": (
        TaskFilter(), LATEST, Span(limit=PAGE, after=Position(first_id_at(MIDDLE), MIDDLE + timedelta(seconds=1)))
    ),
    "latest of those that have not ended": (OPEN, LATEST, FIRST),
    "urgent": (TaskFilter(), URGENT, FIRST),
    "urgent, far page": (TaskFilter(), URGENT, Span(limit=PAGE, after=Position(first_id_at(MIDDLE), Priority.MEDIUM))),
}  # fmt: skip
MOST_ROWS = {"of an hour": 4 * 60, "all that has ended": 3 * PAGE, "urgent": 4 * PAGE, "urgent, far page": 4 * PAGE}


ROWS = 500
NONE = TaskFilter(handler=("none",))
SOUGHT = {
    "newest": (NONE, NEWEST, FIRST),
    "oldest": (NONE, OLDEST, FIRST),
    "far page": (NONE, NEWEST, FAR),
    "page before": (NONE, NEWEST, BACK),
    "by text": (TaskFilter(q="none"), NEWEST, FIRST),
    "by an id that nobody has": (TaskFilter(q="deadbeef"), NEWEST, FIRST),
    "completed": (TaskFilter(handler=("none",), status=(Status.COMPLETED,)), NEWEST, FIRST),
    "completed or waiting": (TaskFilter(handler=("none",), status=(Status.COMPLETED, Status.PENDING)), NEWEST, FIRST),
    "latest": (NONE, LATEST, FIRST),
    "latest, of a time": (TaskFilter(handler=("none",), finished_before=MIDDLE), LATEST, FIRST),
}


@pytest.fixture
async def onlooker(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("ALTER TABLE tasks SET (autovacuum_enabled = off)")
    yield connection
    await connection.close()


async def rows_read(onlooker: asyncpg.Connection) -> int:
    """Rows that sessions which have ended read from the table; a session tells of the last when it ends."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await onlooker.fetchval(OTHERS):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
    await onlooker.execute("SELECT pg_stat_clear_snapshot()")
    rows: int = await onlooker.fetchval(READ)
    return rows


async def test_the_usual_lists_read_what_they_show(postgres_url: str, onlooker: asyncpg.Connection) -> None:
    await onlooker.execute(FILL, TASKS, BEGIN)
    await onlooker.execute("ANALYZE tasks")
    too_many = {}
    for name, (wanted, order, span) in LISTS.items():
        before = await rows_read(onlooker)
        async with opened(postgres_url) as store:
            await store.lists.page(wanted, order, span, store.lists.deadline())
        read = await rows_read(onlooker) - before
        if read > MOST_ROWS.get(name, 2 * PAGE):
            too_many[name] = read

    assert not too_many


async def test_a_look_for_what_nobody_has_reads_no_more_rows_than_it_may(
    postgres_url: str, onlooker: asyncpg.Connection
) -> None:
    await onlooker.execute(FILL, TASKS, BEGIN)
    await onlooker.execute("VACUUM (ANALYZE) tasks")
    read = {}
    for name, (wanted, order, span) in SOUGHT.items():
        before = await rows_read(onlooker)
        async with opened(postgres_url) as store:
            look = await store.lists.look(wanted, order, span, store.lists.deadline(), rows=ROWS)
        assert (look.tasks, look.end is None) == ([], False), name
        read[name] = await rows_read(onlooker) - before
    for name, (wanted, _, _) in SOUGHT.items():
        before = await rows_read(onlooker)
        async with opened(postgres_url) as store:
            counted = await store.lists.count_among(wanted, store.lists.deadline(), most=ROWS, rows=ROWS)
        assert counted == Counted(0, ended_early=True), name
        read[f"count: {name}"] = await rows_read(onlooker) - before

    assert not {name: rows for name, rows in read.items() if rows > ROWS}
