"""Figures of the whole installation: what waits, since when, and who there is to do it."""

from dataclasses import replace
from datetime import timedelta

from narad.domain.fleet import WorkerState
from narad.domain.status import Priority, Status
from narad.domain.task import Lane
from narad.ids import new_id
from narad.store.store import Store
from tests.support.stores import LEASE
from tests.support.tasks import NOW, later, new_task, new_worker


async def test_an_empty_installation_has_nothing_and_says_so(store: Store) -> None:
    found = await store.figures.read(now=NOW)

    assert set(found.tasks.values()) == {0}
    assert (found.oldest_seconds, found.backlog, found.backlog_seconds) == ({}, 0, 0.0)
    assert found.workers == dict.fromkeys(
        (WorkerState.ONLINE, WorkerState.QUIET, WorkerState.DRAINING, WorkerState.LOST), 0
    )
    assert (found.busy_slots, found.free_slots) == (0, 0)


async def test_tasks_are_told_by_status_and_the_oldest_of_each_lane_by_its_age(store: Store) -> None:
    waiting = [
        new_task(created_at=NOW, run_at=NOW, priority=Priority.HIGH),
        new_task(created_at=NOW, run_at=later(5), priority=Priority.HIGH),
        new_task(created_at=NOW, run_at=later(100), priority=Priority.LOW, queue="images"),
    ]
    running = new_task(created_at=NOW)
    await store.tasks.insert([*waiting, running])
    await store.attempts.claim([running.id], worker_id=new_id(), now=NOW)

    found = await store.figures.read(now=later(10))

    assert (found.tasks[Status.NEW], found.tasks[Status.IN_PROGRESS]) == (3, 1)
    assert found.oldest_seconds == {
        Lane("default", Priority.HIGH): 10.0,
        Lane("default", Priority.MEDIUM): 0.0,
        Lane("default", Priority.LOW): 0.0,
        **{Lane("images", priority): 0.0 for priority in Priority},
    }


async def test_the_backlog_of_the_relay_is_what_is_due(store: Store) -> None:
    await store.tasks.insert([new_task(created_at=NOW, run_at=later(seconds)) for seconds in (0, 0, 500)])
    (due, *_) = await store.handovers.due(1, now=later(60))
    assert due is not None

    found = await store.figures.read(now=later(60))

    assert found.backlog == 1
    assert 0 < found.backlog_seconds <= 60


async def test_workers_are_told_by_state_and_slots_of_living_ones(store: Store) -> None:
    busy, idle, lost, gone = (replace(new_worker(), concurrency=slots) for slots in (4, 6, 8, 16))
    for worker in (busy, idle, lost, gone):
        await store.workers.register(worker, now=NOW)
    await store.workers.stop(gone.id, now=NOW)
    for worker, slots in ((busy, 3), (idle, 0)):
        await store.workers.renew(worker.id, now=NOW + LEASE, draining=worker is idle, busy=slots)

    found = await store.figures.read(now=NOW + LEASE + timedelta(seconds=1))

    assert found.workers == {
        WorkerState.ONLINE: 1,
        WorkerState.QUIET: 0,
        WorkerState.DRAINING: 1,
        WorkerState.LOST: 1,
    }
    assert (found.busy_slots, found.free_slots) == (3, 7)
