"""The pruner at work: it removes what has ended, when its time is over, and nothing where it is to keep everything."""

import asyncio
from datetime import timedelta

from narad.clock import SystemClock
from narad.domain.submission import IdempotencyKey, Replayed, Submission
from narad.domain.task import NewTask
from narad.ids import new_id
from narad.store.retention import KEYS_KEPT
from narad.store.store import Store
from narad.upkeep.pruner import Pruner
from tests.support.hosts import PATIENCE_SECONDS
from tests.support.tasks import completed, new_task

CLOCK = SystemClock()
PAUSE_SECONDS = 0.01


async def one_finished_one_waiting(store: Store) -> tuple[NewTask, NewTask]:
    now = CLOCK.now()
    finished, waiting = new_task(created_at=now), new_task(created_at=now)
    await store.tasks.insert([finished, waiting])
    (claimed,) = await store.attempts.claim([finished.id], worker_id=new_id(), now=now)
    await store.attempts.finish([completed(claimed, at=now)], now=now)
    return finished, waiting


async def is_taken(store: Store, key: IdempotencyKey) -> bool:
    (result,) = await store.submissions.submit([Submission(new_task(), key)])
    return isinstance(result, Replayed)


async def test_a_task_is_removed_when_its_time_after_the_end_is_over(store: Store) -> None:
    finished, waiting = await one_finished_one_waiting(store)
    pruner = Pruner(store.retention, CLOCK, retention_seconds=0.05, pause_seconds=PAUSE_SECONDS)
    await pruner.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await store.tasks.get(finished.id) is not None:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await pruner.stop()

    assert await store.tasks.get(waiting.id) is not None
    assert not pruner.died.is_set()


async def test_without_a_time_tasks_are_kept_but_keys_of_requests_are_not(store: Store) -> None:
    finished, waiting = await one_finished_one_waiting(store)
    key = IdempotencyKey(digest=new_id(), fingerprint="body")
    long_ago = CLOCK.now() - KEYS_KEPT - timedelta(hours=1)
    await store.submissions.submit([Submission(new_task(created_at=long_ago), key)])
    pruner = Pruner(store.retention, CLOCK, retention_seconds=0, pause_seconds=PAUSE_SECONDS)
    await pruner.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await is_taken(store, key):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await pruner.stop()

    assert await store.tasks.get(finished.id) is not None
    assert await store.tasks.get(waiting.id) is not None
    assert not pruner.died.is_set()
