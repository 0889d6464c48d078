"""The pruner at work: it removes what has ended, when its time is over, and nothing where it is to keep everything."""

import asyncio
from datetime import datetime, timedelta

from narad.clock import SystemClock
from narad.domain.submission import IdempotencyKey, Replayed, Submission
from narad.domain.task import NewTask
from narad.ids import first_id_at, new_id
from narad.store.audit import AuditEntry
from narad.store.retention import KEYS_KEPT
from narad.store.store import Store
from narad.upkeep.pruner import Pruner
from tests.support.hosts import PATIENCE_SECONDS
from tests.support.tasks import completed, new_task

CLOCK = SystemClock()
PAUSE_SECONDS = 0.01


def pruner_of(store: Store, *, retention_seconds: float = 0, audit_seconds: float = 0) -> Pruner:
    return Pruner(
        store.retention,
        store.audit,
        CLOCK,
        retention_seconds=retention_seconds,
        audit_seconds=audit_seconds,
        pause_seconds=PAUSE_SECONDS,
    )


def entry_at(at: datetime) -> AuditEntry:
    return AuditEntry(
        id=first_id_at(at),
        at=at,
        actor="someone",
        key_id=None,
        address=None,
        action="cancelTask",
        target=None,
        filter=None,
        count=None,
        outcome="done",
        request_id=None,
    )


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
    pruner = pruner_of(store, retention_seconds=0.05)
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
    await store.audit.add(entry_at(long_ago))
    pruner = pruner_of(store)
    await pruner.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await is_taken(store, key):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await pruner.stop()

    assert await store.tasks.get(finished.id) is not None
    assert await store.tasks.get(waiting.id) is not None
    assert len(await store.audit.find(10)) == 1
    assert not pruner.died.is_set()


async def test_entries_of_the_audit_are_removed_when_their_time_is_over(store: Store) -> None:
    young, old = entry_at(CLOCK.now()), entry_at(CLOCK.now() - timedelta(days=2))
    for entry in (young, old):
        await store.audit.add(entry)
    pruner = pruner_of(store, audit_seconds=timedelta(days=1).total_seconds())
    await pruner.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await store.audit.find(10)) > 1:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await pruner.stop()

    assert [entry.id for entry in await store.audit.find(10)] == [young.id]
