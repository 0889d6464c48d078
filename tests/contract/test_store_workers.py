"""What the fleet is promised: a lease holds while it is renewed, and what a lost worker held is recovered."""

import pytest

from narad.domain.status import Status
from narad.ids import new_id
from narad.store.catalogue import KEPT, CatalogueEntry
from narad.store.store import Store
from tests.support.stores import LEASE
from tests.support.tasks import NOW, completed, later, new_task, new_worker

AFTER_LEASE = later(LEASE.total_seconds() + 0.001)


async def test_a_renewed_lease_protects_what_its_worker_runs(store: Store) -> None:
    worker, task = new_worker(), new_task()
    await store.workers.register(worker, now=NOW)
    await store.tasks.insert([task])
    await store.attempts.claim([task.id], worker_id=worker.id, now=NOW)

    assert await store.workers.renew(worker.id, now=later(20))

    assert await store.workers.rescue(now=AFTER_LEASE) == []
    (running,) = await store.attempts.running(worker.id)
    assert (running.id, running.attempt, running.cancel_requested) == (task.id, 1, False)


async def test_a_lost_worker_is_fenced_and_its_task_runs_again_uncharged(store: Store) -> None:
    worker, task = new_worker(), new_task()
    await store.workers.register(worker, now=NOW)
    await store.tasks.insert([task])
    (claimed,) = await store.attempts.claim([task.id], worker_id=worker.id, now=NOW)

    (rescued,) = await store.workers.rescue(now=AFTER_LEASE)

    assert (rescued.id, rescued.attempt, rescued.status) == (task.id, 1, Status.PENDING)
    assert not await store.workers.renew(worker.id, now=AFTER_LEASE)
    assert list(await store.attempts.finish([completed(claimed)], now=NOW)) == [False]
    stored = await store.tasks.get(task.id)
    assert stored is not None
    assert (stored.failures, stored.losses) == (0, 1)
    assert len(await store.handovers.due(10, now=AFTER_LEASE)) == 1
    assert len(await store.attempts.claim([task.id], worker_id=new_id(), now=AFTER_LEASE)) == 1


async def test_a_rescue_happens_once(store: Store) -> None:
    worker, task = new_worker(), new_task()
    await store.workers.register(worker, now=NOW)
    await store.tasks.insert([task])
    await store.attempts.claim([task.id], worker_id=worker.id, now=NOW)

    assert len(await store.workers.rescue(now=AFTER_LEASE)) == 1
    assert await store.workers.rescue(now=AFTER_LEASE) == []


async def test_a_lost_task_whose_cancel_was_asked_for_is_cancelled(store: Store) -> None:
    worker, task = new_worker(), new_task()
    await store.workers.register(worker, now=NOW)
    await store.tasks.insert([task])
    await store.attempts.claim([task.id], worker_id=worker.id, now=NOW)
    await store.tasks.cancel(task.id, now=NOW)

    (rescued,) = await store.workers.rescue(now=AFTER_LEASE)

    assert rescued.status is Status.CANCELLED


@pytest.mark.parametrize("allowed", [0, 2])
async def test_a_task_that_uses_up_its_allowance_of_lost_workers_fails(store: Store, allowed: int) -> None:
    task = new_task(max_losses=allowed)
    await store.tasks.insert([task])
    statuses = []

    for _ in range(allowed + 1):
        worker = new_worker()
        await store.workers.register(worker, now=NOW)
        await store.attempts.claim([task.id], worker_id=worker.id, now=AFTER_LEASE)
        statuses += [rescued.status for rescued in await store.workers.rescue(now=AFTER_LEASE)]

    assert statuses == [Status.PENDING] * allowed + [Status.FAILED]
    stored = await store.tasks.get(task.id)
    assert stored is not None
    assert stored.error is not None
    assert (stored.error.type, stored.losses, stored.failures) == ("WorkerLost", allowed + 1, 0)
    history = await store.attempts.history(task.id)
    assert [kept.attempt for kept in history] == list(range(1, allowed + 2))
    assert all(str(kept.worker_id) in stored.error.message for kept in history)


async def test_a_start_under_a_name_declares_its_earlier_selves_lost_at_once(store: Store) -> None:
    earlier, other, task = new_worker(name="pod-0"), new_worker(name="pod-1"), new_task()
    for worker in (earlier, other):
        await store.workers.register(worker, now=NOW)
    await store.tasks.insert([task])
    await store.attempts.claim([task.id], worker_id=earlier.id, now=NOW)

    await store.workers.register(new_worker(name="pod-0"), now=later(1))

    assert not await store.workers.renew(earlier.id, now=later(1))
    assert await store.workers.renew(other.id, now=later(1))
    assert [rescued.id for rescued in await store.workers.rescue(now=later(1))] == [task.id]


async def test_a_worker_that_stopped_in_order_is_not_rescued_from_and_cannot_come_back(store: Store) -> None:
    worker = new_worker()
    await store.workers.register(worker, now=NOW)

    await store.workers.stop(worker.id, now=NOW)

    assert await store.workers.rescue(now=AFTER_LEASE) == []
    assert not await store.workers.renew(worker.id, now=NOW)


async def test_what_a_stopped_worker_left_running_is_recovered(store: Store) -> None:
    worker, task = new_worker(), new_task()
    await store.workers.register(worker, now=NOW)
    await store.tasks.insert([task])
    await store.attempts.claim([task.id], worker_id=worker.id, now=NOW)
    await store.workers.stop(worker.id, now=NOW)

    assert [rescued.id for rescued in await store.workers.rescue(now=NOW)] == [task.id]


def entry(name: str, fingerprint: str = "f") -> CatalogueEntry:
    return CatalogueEntry(
        name=name,
        fingerprint=fingerprint,
        queue="default",
        title="Title",
        description=None,
        payload_schema={"type": "object"},
        result_schema=None,
        options={"max_attempts": 5},
    )


async def test_a_published_handler_is_known_in_each_of_its_versions_the_latest_first(store: Store) -> None:
    await store.catalogue.publish([entry("b"), entry("a", "old")], now=NOW)
    await store.catalogue.publish([entry("a", "new")], now=later(1))
    await store.catalogue.publish([entry("b")], now=later(2))

    known = await store.catalogue.known(now=later(3))

    assert known == [entry("a", "new"), entry("a", "old"), entry("b")]


async def test_a_handler_is_forgotten_long_after_its_last_worker(store: Store) -> None:
    await store.catalogue.publish([entry("a")], now=NOW)

    assert len(await store.catalogue.known(now=NOW + KEPT - LEASE)) == 1
    assert await store.catalogue.known(now=NOW + KEPT) == []
