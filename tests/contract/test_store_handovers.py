"""What the relay is promised: no waiting task is out of its sight, and none is handed over without need."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from narad.domain.status import Status
from narad.ids import new_id
from narad.store.handovers import FIRST_GUARD_SECONDS, LONGEST_GUARD_SECONDS
from narad.store.store import Store
from tests.support.stores import GUARD, opened
from tests.support.tasks import NOW, completed, hand_over, later, new_task, put_back

AFTER_GUARD = later(GUARD.total_seconds())


async def test_a_fresh_task_is_left_to_its_own_relay_and_then_swept_up(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])

    assert await store.handovers.due(10, now=later(4.9)) == []
    (due,) = await store.handovers.due(10, now=AFTER_GUARD)

    assert (due.id, due.status, due.handovers) == (task.id, Status.NEW, 1)


async def test_a_delayed_task_is_due_at_its_time(store: Store) -> None:
    await store.tasks.insert([new_task(run_at=later(60))])

    assert await store.handovers.due(10, now=later(59)) == []
    assert len(await store.handovers.due(10, now=later(60))) == 1


async def test_what_was_taken_is_due_again_after_a_guard_that_doubles_up_to_its_cap(store: Store) -> None:
    await store.tasks.insert([new_task()])
    moment = later(GUARD.total_seconds())

    for wait in (10, 20, 40, 80, 160, 320, 640, 900, 900):
        assert len(await store.handovers.due(10, now=moment)) == 1
        moment += timedelta(seconds=wait)
        assert await store.handovers.due(10, now=moment - timedelta(microseconds=1)) == []

    assert (FIRST_GUARD_SECONDS, LONGEST_GUARD_SECONDS) == (10, 900)


async def test_a_marked_task_is_pending_and_due_again_at_the_end_of_its_guard(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])

    assert len(await store.handovers.mark_pending([hand_over(task)], guard_until=later(30))) == 1

    stored = await store.tasks.get(task.id)
    assert stored is not None
    assert stored.status is Status.PENDING
    assert await store.handovers.due(10, now=later(29)) == []
    (due,) = await store.handovers.due(10, now=later(30))
    assert (due.status, due.handovers) == (Status.PENDING, 2)


async def test_a_mark_without_a_guard_asks_for_no_second_look(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])

    await store.handovers.mark_pending([hand_over(task)], guard_until=None)

    assert await store.handovers.due(10, now=later(1_000_000)) == []


async def test_a_late_mark_undoes_neither_a_claim_nor_an_outcome(store: Store) -> None:
    tasks = [new_task() for _ in range(3)]
    ids = [task.id for task in tasks]
    await store.tasks.insert(tasks)
    running, ended = await store.attempts.claim(ids[:2], worker_id=new_id(), now=NOW)
    await store.attempts.finish([completed(ended)], now=NOW)

    assert len(await store.handovers.mark_pending([hand_over(task) for task in tasks], guard_until=NOW)) == 1

    statuses = {(await store.tasks.get(task_id)).status for task_id in (running.id, ended.id)}  # type: ignore[union-attr]
    assert statuses == {Status.IN_PROGRESS, Status.COMPLETED}


async def test_a_late_mark_does_not_wake_a_cancelled_task(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])
    cancelled = await store.tasks.cancel(task.id, now=NOW)

    assert len(await store.handovers.mark_pending([hand_over(task)], guard_until=NOW)) == 0

    assert await store.tasks.get(task.id) == cancelled


async def test_a_late_mark_leaves_a_task_that_was_put_back_its_own_next_time(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)
    await store.attempts.finish([put_back(claimed, later(7))], now=NOW)

    assert len(await store.handovers.mark_pending([hand_over(task)], guard_until=later(1_000))) == 0

    assert len(await store.handovers.due(10, now=later(7))) == 1


async def test_a_task_put_back_is_due_at_its_next_time(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])
    await store.handovers.mark_pending([hand_over(task)], guard_until=None)
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)
    assert await store.handovers.due(10, now=later(1_000)) == []

    await store.attempts.finish([put_back(claimed, later(2_000))], now=NOW)

    assert await store.handovers.due(10, now=later(1_999)) == []
    (due,) = await store.handovers.due(10, now=later(2_000))
    assert (due.attempt, due.handovers) == (1, 1)


async def test_a_broker_put_to_use_gets_every_task_that_waits(store: Store) -> None:
    tasks = [new_task() for _ in range(3)]
    await store.tasks.insert(tasks)
    ids = [task.id for task in tasks]
    await store.handovers.mark_pending([hand_over(task) for task in tasks], guard_until=None)
    await store.attempts.claim(ids[:1], worker_id=new_id(), now=NOW)

    await store.handovers.make_due(now=later(7))

    assert {due.id for due in await store.handovers.due(10, now=later(7))} == set(ids[1:])


async def test_relays_share_the_sweep(store: Store, database_url: str) -> None:
    await store.tasks.insert([new_task() for _ in range(100)])

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(database_url)) for _ in range(4)]
        swept = await asyncio.gather(*(own.handovers.due(40, now=AFTER_GUARD) for own in stores))

    ids = [due.id for batch in swept for due in batch]
    assert len(ids) == len(set(ids))
