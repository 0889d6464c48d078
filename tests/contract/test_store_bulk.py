"""Operations on many tasks: each task that is meant is changed once, nothing else is, and no crash loses the thread."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from narad.domain.bulk import BulkAction, BulkOperation, BulkStatus, Place
from narad.domain.event import EventType
from narad.domain.status import Priority, Status
from narad.domain.submission import IdempotencyKey, KeyReused, Submission
from narad.domain.task import NewTask, Task, TaskError
from narad.ids import first_id_at, new_id
from narad.store import bulk
from narad.store.bulk import ClaimedOperation
from narad.store.filters import TaskFilter
from narad.store.request_keys import MadeBefore
from narad.store.store import Store
from tests.support.tasks import NOW, completed, later, log_line, new_task

LEASE = timedelta(seconds=30)
ALL = TaskFilter()


def an_operation(action: BulkAction, **fields: Any) -> BulkOperation:  # noqa: ANN401 - fields of BulkOperation
    plain: dict[str, Any] = {
        "id": new_id(),
        "action": action,
        "priority": None,
        "reason": None,
        "status": BulkStatus.RUNNING,
        "place": Place(),
        "changed": 0,
        "missed": 0,
        "created_at": NOW,
        "finished_at": None,
        "version": 1,
    }
    return BulkOperation(**plain | fields)


async def carried_out(store: Store, operation: BulkOperation, wanted: TaskFilter = ALL) -> BulkOperation:
    await store.bulk.add(operation, wanted)
    claimed = await store.bulk.claim(now=NOW, lease=LEASE)
    while claimed is not None and claimed.operation.finished_at is None:
        claimed = await store.bulk.advance(claimed, now=NOW, lease=LEASE)
    ended = await store.bulk.get(operation.id)
    assert ended is not None
    assert (ended.status, ended.finished_at) == (BulkStatus.COMPLETED, NOW)
    return ended


async def put(store: Store, number: int, **fields: Any) -> list[NewTask]:  # noqa: ANN401 - fields of NewTask
    tasks = [new_task(**fields) for _ in range(number)]
    await store.tasks.insert(tasks)
    return tasks


async def run(store: Store, tasks: Sequence[NewTask]) -> None:
    claimed = await store.attempts.claim([task.id for task in tasks], worker_id=new_id(), now=NOW)
    assert all(await store.attempts.finish([completed(task) for task in claimed], now=NOW))


async def fail(store: Store, tasks: Sequence[NewTask]) -> None:
    claimed = await store.attempts.claim([task.id for task in tasks], worker_id=new_id(), now=NOW)
    error = TaskError(type="ValueError", message="no")
    ends = [dataclasses.replace(completed(task), status=Status.FAILED, error=error, charge=1) for task in claimed]
    assert all(await store.attempts.finish(ends, now=NOW))


async def read(store: Store, tasks: Sequence[NewTask]) -> list[Task]:
    found = [await store.tasks.get(task.id) for task in tasks]
    return [task for task in found if task is not None]


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LOOKED_AT", 7)


async def test_every_waiting_and_running_task_is_cancelled_and_no_other(store: Store) -> None:
    waiting, running, done = await put(store, 20), await put(store, 5), await put(store, 5)
    await store.attempts.claim([task.id for task in running], worker_id=new_id(), now=NOW)
    await run(store, done)

    ended = await carried_out(store, an_operation(BulkAction.CANCEL, reason="wrong import"))

    assert (ended.changed, ended.missed) == (25, 0)
    assert {(task.status, task.cancel_reason) for task in await read(store, waiting)} == {
        (Status.CANCELLED, "wrong import")
    }
    assert {(task.status, task.cancel_requested_at) for task in await read(store, running)} == {
        (Status.IN_PROGRESS, NOW)
    }
    assert {task.status for task in await read(store, done)} == {Status.COMPLETED}


async def test_only_what_matches_is_changed(store: Store) -> None:
    tagged, others = await put(store, 10, tags=("x",)), await put(store, 30)

    ended = await carried_out(store, an_operation(BulkAction.CANCEL), TaskFilter(tag=("x",)))

    assert ended.changed == 10
    assert {task.status for task in await read(store, tagged)} == {Status.CANCELLED}
    assert {task.status for task in await read(store, others)} == {Status.NEW}


async def test_ids_are_a_filter_too(store: Store) -> None:
    tasks = await put(store, 20)

    ended = await carried_out(store, an_operation(BulkAction.CANCEL), TaskFilter(id=(tasks[3].id, tasks[19].id)))

    assert ended.changed == 2
    assert [task.status for task in await read(store, [tasks[3], tasks[19], tasks[4]])] == [
        Status.CANCELLED,
        Status.CANCELLED,
        Status.NEW,
    ]


async def test_failed_and_cancelled_tasks_go_round_again_but_for_a_taken_unique_key(store: Store) -> None:
    failed, cancelled = await put(store, 10), await put(store, 9)
    twin = await put(store, 1, unique_key="order-7")
    await fail(store, [*failed, *twin])
    for task in cancelled:
        await store.tasks.cancel(task.id, now=NOW)
    (rival,) = await store.submissions.submit([Submission(new_task(unique_key="order-7"))])

    ended = await carried_out(store, an_operation(BulkAction.RETRY))

    assert (ended.changed, ended.missed) == (19, 1)
    assert {task.status for task in await read(store, [*failed, *cancelled])} == {Status.PENDING}
    assert [task.status for task in await read(store, twin)] == [Status.FAILED]
    assert len(await store.handovers.due(50, now=NOW)) == 19
    assert rival is not None


async def test_what_ends_only_afterwards_is_not_meant(store: Store) -> None:
    task = new_task(id=first_id_at(NOW))
    await store.tasks.insert([task])
    await fail(store, [task])

    too_early = await carried_out(store, an_operation(BulkAction.RETRY), TaskFilter(finished_before=NOW))
    in_time = await carried_out(store, an_operation(BulkAction.RETRY), TaskFilter(finished_before=later(1)))

    assert (too_early.changed, in_time.changed) == (0, 1)


async def test_waiting_tasks_get_another_priority_and_are_handed_over_again(store: Store) -> None:
    low, high = await put(store, 10, priority=Priority.LOW), await put(store, 5, priority=Priority.HIGH)

    ended = await carried_out(store, an_operation(BulkAction.SET_PRIORITY, priority=Priority.HIGH))

    assert ended.changed == 10
    assert {task.priority for task in await read(store, [*low, *high])} == {Priority.HIGH}
    assert {task.id for task in await store.handovers.due(50, now=NOW)} == {task.id for task in low}


async def test_ended_tasks_are_purged_with_their_attempts_and_log_lines(store: Store) -> None:
    failed, waiting = await put(store, 10), await put(store, 10)
    await fail(store, failed)
    await store.log_lines.add([log_line(task.id, 1) for task in (*failed, *waiting)])

    ended = await carried_out(store, an_operation(BulkAction.PURGE))

    assert ended.changed == 10
    assert await read(store, failed) == []
    assert await store.attempts.history(failed[0].id) == []
    assert [len(await store.log_lines.read(task.id, 10)) for task in (*failed, *waiting)] == [0] * 10 + [1] * 10
    assert len(await read(store, waiting)) == 10


async def test_an_operation_is_in_one_hand_and_goes_on_in_another_when_its_time_is_over(store: Store) -> None:
    tasks = await put(store, 20)
    operation = an_operation(BulkAction.CANCEL)
    await store.bulk.add(operation, ALL)
    first = await store.bulk.claim(now=NOW, lease=LEASE)
    assert first is not None
    first = await store.bulk.advance(first, now=NOW, lease=LEASE)
    assert first is not None

    assert await store.bulk.claim(now=later(29), lease=LEASE) is None
    second = await store.bulk.claim(now=later(31), lease=LEASE)
    assert second is not None
    assert (second.operation.changed, second.operation.place) == (7, first.operation.place)
    assert await store.bulk.advance(first, now=later(31), lease=LEASE) is None

    rest: ClaimedOperation | None = second
    while rest is not None and rest.operation.finished_at is None:
        rest = await store.bulk.advance(rest, now=later(31), lease=LEASE)
    ended = await store.bulk.get(operation.id)
    assert ended is not None
    assert (ended.changed, ended.missed) == (20, 0)
    assert {(task.status, task.version) for task in await read(store, tasks)} == {(Status.CANCELLED, 2)}


async def test_the_latest_operations_come_first(store: Store) -> None:
    operations = [an_operation(BulkAction.CANCEL) for _ in range(3)]
    for operation in operations:
        await store.bulk.add(operation, ALL)

    found: list[UUID] = [operation.id for operation in await store.bulk.latest(2)]

    assert found == [operations[2].id, operations[1].id]


async def test_each_portion_tells_what_it_did_to_which_task_and_where_that_stands_now(store: Store) -> None:
    waiting, running = await put(store, 2), await put(store, 1)
    await store.attempts.claim([task.id for task in running], worker_id=new_id(), now=NOW)

    asked = await all_changes(store, an_operation(BulkAction.SET_PRIORITY, priority=Priority.HIGH))
    cancelled = await all_changes(store, an_operation(BulkAction.CANCEL))
    retried = await all_changes(store, an_operation(BulkAction.RETRY))
    await carried_out(store, an_operation(BulkAction.CANCEL))
    purged = await all_changes(store, an_operation(BulkAction.PURGE))

    ids = {task.id for task in waiting}
    assert set(asked) == {(EventType.AMENDED, id_, Status.NEW, Priority.HIGH, 2) for id_ in ids}
    assert set(cancelled) == {
        *((EventType.CANCELLED, id_, Status.CANCELLED, Priority.HIGH, 3) for id_ in ids),
        (EventType.CANCEL_REQUESTED, running[0].id, Status.IN_PROGRESS, Priority.MEDIUM, 3),
    }
    assert set(retried) == {(EventType.RETRIED, id_, Status.PENDING, Priority.HIGH, 4) for id_ in ids}
    assert purged == []


async def all_changes(store: Store, operation: BulkOperation) -> list[tuple[EventType, UUID, Status, Priority, int]]:
    """What all portions of an operation told, walked to its end."""
    await store.bulk.add(operation, ALL)
    claimed = await store.bulk.claim(now=NOW, lease=LEASE)
    told: list[tuple[EventType, UUID, Status, Priority, int]] = []
    while claimed is not None and claimed.operation.finished_at is None:
        claimed = await store.bulk.advance(claimed, now=NOW, lease=LEASE)
        changes = () if claimed is None else claimed.changes
        told += [(type_, mark.id, mark.status, mark.priority, mark.version) for type_, mark in changes]
    return told


async def test_an_operation_that_is_asked_for_twice_under_one_key_is_one(store: Store) -> None:
    key = IdempotencyKey(digest=new_id(), fingerprint="a")
    first, again, other = (an_operation(BulkAction.CANCEL) for _ in range(3))

    assert await store.bulk.add(first, ALL, key) is None
    assert await store.bulk.add(again, ALL, key) == MadeBefore((str(first.id),))
    assert await store.bulk.add(other, ALL, dataclasses.replace(key, fingerprint="b")) == KeyReused()

    assert [operation.id for operation in await store.bulk.latest(10)] == [first.id]
