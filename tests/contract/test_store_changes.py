"""What people change: a task that waits as a whole or not at all, a task that ended goes round again."""

from datetime import timedelta
from uuid import UUID

import pytest

from narad.domain.amendment import amended
from narad.domain.status import Priority, Status
from narad.domain.submission import Submission
from narad.domain.task import NewTask, Task, TaskError
from narad.ids import new_id
from narad.store.store import Store
from narad.store.submissions import DuplicatesError
from tests.support.tasks import NOW, completed, hand_over, later, new_task, put_back


async def inserted(store: Store, **fields: object) -> Task:
    task = new_task(**fields)
    await store.tasks.insert([task])
    return await existing(store, task.id)


async def existing(store: Store, task_id: UUID) -> Task:
    task = await store.tasks.get(task_id)
    assert task is not None
    return task


async def cancelled(store: Store, **fields: object) -> NewTask:
    task = new_task(**fields)
    await store.tasks.insert([task])
    assert await store.tasks.cancel(task.id, now=NOW, reason="not needed")
    return task


async def test_an_amendment_is_written_and_the_rest_stays(store: Store) -> None:
    task = await inserted(store, name="old", description="text", tags=("a",))

    written = await store.changes.amend(task, amended(task, {"name": "new", "description": None, "tags": ["b"]}, NOW))

    assert written is not None
    assert (written.name, written.description, written.tags) == ("new", None, ("b",))
    assert (written.priority, written.run_at, written.version) == (task.priority, task.run_at, task.version + 1)
    assert written == await existing(store, task.id)


async def test_what_changed_since_it_was_read_is_not_overwritten(store: Store) -> None:
    task = await inserted(store)
    await store.handovers.mark_pending([hand_over(new_task(id=task.id))], guard_until=later(10))

    assert await store.changes.amend(task, {"name": "late"}) is None

    assert (await existing(store, task.id)).name == task.name


async def test_what_runs_is_not_amended(store: Store) -> None:
    task = await inserted(store)
    await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)

    assert await store.changes.amend(await existing(store, task.id), {"name": "late"}) is None


async def test_a_task_with_another_priority_is_handed_over_again_at_once(store: Store) -> None:
    task = await inserted(store, priority=Priority.LOW)
    await store.handovers.mark_pending([hand_over(new_task(id=task.id))], guard_until=later(900))
    task = await existing(store, task.id)

    await store.changes.amend(task, amended(task, {"priority": Priority.HIGH}, later(1)))

    (due,) = await store.handovers.due(10, now=later(1))
    assert (due.id, due.priority) == (task.id, Priority.HIGH)


async def test_a_task_put_off_does_not_run_before_its_new_time(store: Store) -> None:
    task = await inserted(store, expires_at=later(60))

    await store.changes.amend(task, amended(task, {"run_at": later(100)}, NOW))

    assert await store.attempts.claim([task.id], worker_id=new_id(), now=later(99)) == []
    assert await store.handovers.due(10, now=later(99)) == []
    assert await store.tasks.expire(10, now=later(100)) == []
    assert len(await store.attempts.claim([task.id], worker_id=new_id(), now=later(100))) == 1


async def test_a_failed_task_goes_round_again_with_its_allowance_anew(store: Store) -> None:
    task = await inserted(store, max_attempts=1)
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)
    error = TaskError(type="ValueError", message="no")
    failed = completed(claimed)
    await store.attempts.finish(
        [type(failed)(id=task.id, attempt=1, status=Status.FAILED, at=NOW, error=error, charge=1)], now=NOW
    )

    again = await store.changes.retry(task.id, now=later(5))

    assert again is not None
    assert (again.status, again.failures, again.attempt) == (Status.PENDING, 0, 1)
    assert (again.error, again.finished_at, again.run_at) == (None, None, later(5))
    assert [one.attempt for one in await store.attempts.history(task.id)] == [1]
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=later(5))
    assert claimed.attempt == 2


async def test_a_cancelled_task_goes_round_again_and_is_not_stopped(store: Store) -> None:
    task = await cancelled(store)

    again = await store.changes.retry(task.id, now=NOW)

    assert again is not None
    assert (again.status, again.cancel_requested_at, again.cancel_reason) == (Status.PENDING, None, None)
    (due,) = await store.handovers.due(10, now=NOW)
    assert due.id == task.id
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)
    assert await store.attempts.finish([put_back(claimed, later(1))], now=NOW) == [True]


async def test_what_waits_runs_or_completed_does_not_go_round_again(store: Store) -> None:
    task = await inserted(store)
    assert await store.changes.retry(task.id, now=NOW) is None

    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)
    assert await store.changes.retry(task.id, now=NOW) is None

    await store.attempts.finish([completed(claimed)], now=NOW)
    assert await store.changes.retry(task.id, now=NOW) is None


async def test_a_task_does_not_go_round_again_beside_one_of_its_unique_key(store: Store) -> None:
    task = await cancelled(store, unique_key="order-7")
    (rival,) = await store.submissions.submit([Submission(new_task(unique_key="order-7"))])

    with pytest.raises(DuplicatesError) as caught:
        await store.changes.retry(task.id, now=NOW)

    assert caught.value.existing == {0: rival.task.id}  # type: ignore[union-attr]
    assert (await existing(store, task.id)).status is Status.CANCELLED


async def test_the_first_reason_of_a_cancel_stays(store: Store) -> None:
    task = await inserted(store)
    await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)

    await store.tasks.cancel(task.id, now=NOW, reason="first")
    asked = await store.tasks.cancel(task.id, now=NOW + timedelta(seconds=1), reason="second")

    assert asked is not None
    assert (asked.cancel_reason, asked.cancel_requested_at) == ("first", NOW)
