"""What is long over is removed, a portion at a time; whatever may still be needed stays."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from narad.domain.task import TaskError
from narad.ids import first_id_at, new_id
from narad.store.store import Store
from narad.store.tables import workers
from tests.support.stores import LEASE
from tests.support.tasks import NOW, completed, new_task, new_worker, put_back

WORKER = new_id()
DAY = timedelta(days=1)
BEFORE = NOW - 10 * DAY
ERROR = TaskError(type="OSError", message="no")


async def finished(store: Store, *, created: timedelta, ended: timedelta) -> UUID:
    """A task that was created and ended so long before NOW, after a first attempt that failed."""
    at = NOW - created
    task = new_task(id=first_id_at(at), created_at=at)
    await store.tasks.insert([task])
    for _ in range(2):
        (claimed,) = await store.attempts.claim([task.id], worker_id=WORKER, now=at)
        failed = put_back(claimed, at, charge=1, error=ERROR)
        await store.attempts.finish([failed if claimed.attempt == 1 else completed(claimed, at=NOW - ended)], now=at)
    return task.id


async def test_a_task_that_ended_long_ago_is_removed_with_its_attempts(store: Store) -> None:
    old = await finished(store, created=20 * DAY, ended=19 * DAY)
    young = await finished(store, created=2 * DAY, ended=1 * DAY)
    slow = await finished(store, created=21 * DAY, ended=1 * DAY)

    assert await store.retention.prune_tasks(10, before=BEFORE) == 1

    assert await store.tasks.get(old) is None
    assert not await store.attempts.history(old)
    for task_id in (young, slow):
        assert await store.tasks.get(task_id) is not None
        assert await store.attempts.history(task_id)


async def test_a_task_that_has_not_ended_is_kept_however_old(store: Store) -> None:
    at = NOW - 20 * DAY
    task = new_task(id=first_id_at(at), created_at=at)
    await store.tasks.insert([task])

    assert await store.retention.prune_tasks(10, before=BEFORE) == 0

    await store.attempts.claim([task.id], worker_id=WORKER, now=NOW)
    assert await store.retention.prune_tasks(10, before=BEFORE) == 0
    assert await store.tasks.get(task.id) is not None


async def test_a_portion_is_removed_at_a_time_the_oldest_first(store: Store) -> None:
    ids = [await finished(store, created=(20 + n) * DAY, ended=19 * DAY) for n in range(3)]

    assert await store.retention.prune_tasks(2, before=BEFORE) == 2

    assert [await store.tasks.get(task_id) is not None for task_id in ids] == [True, False, False]
    assert await store.retention.prune_tasks(2, before=BEFORE) == 1


async def test_a_worker_that_stopped_long_ago_is_removed_unless_it_has_tasks_to_be_rescued(store: Store) -> None:
    at = NOW - 20 * DAY
    stopped, alive, left_something = new_worker(), new_worker(), new_worker()
    for worker in (stopped, alive, left_something):
        await store.workers.register(worker, now=at)
    task = new_task(created_at=at)
    await store.tasks.insert([task])
    await store.attempts.claim([task.id], worker_id=left_something.id, now=at)
    for worker in (stopped, left_something):
        await store.workers.stop(worker.id, now=at)

    await store.retention.prune_fleet(before=BEFORE, now=NOW)

    assert await store.workers.renew(alive.id, now=NOW)
    assert [rescued.id for rescued in await store.workers.rescue(now=NOW - 20 * DAY + LEASE / 2)] == [task.id]
    assert await store.database.read(select(workers.c.id).where(workers.c.id == stopped.id)) == []
