"""What submitters are promised: what is inserted is there, what is filtered fits, what is cancelled does not run."""

from datetime import UTC, datetime
from typing import Any

import pytest

from narad.domain.status import Priority, Status
from narad.errors import DataRejectedError
from narad.ids import new_id
from narad.store.filters import TaskFilter
from narad.store.lists import Span
from narad.store.order import Order
from narad.store.store import Store
from tests.support.tasks import NOW, completed, later, new_task, new_worker

PAYLOADS: list[dict[str, Any]] = [
    {},
    {"nested": {"list": [1, 2.5, None, True, "text"]}},
    {"text": 'é\U0001f600"\\/\n\t', "empty": "", "\u2028": "\x7f"},
    {"big": 2**80, "small": -(2**70), "float": 1e-300},
    {"null": None, "false": False, "zero": 0},
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ",".join(payload) or "empty")
async def test_a_payload_comes_back_as_it_was(store: Store, payload: dict[str, Any]) -> None:
    task = new_task(payload=payload, name="ünï", description="two\nlines", tags=("a", "b"), timeout_seconds=1.5)

    await store.tasks.insert([task])

    stored = await store.tasks.get(task.id)
    assert stored is not None
    assert stored.payload == payload
    assert (stored.name, stored.description, stored.tags) == ("ünï", "two\nlines", ("a", "b"))
    assert (stored.status, stored.created_at, stored.timeout_seconds) == (Status.NEW, NOW, 1.5)
    assert (stored.attempt, stored.failures, stored.losses, stored.version) == (0, 0, 0, 1)


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.tasks.get(new_id()) is None
    assert await store.tasks.cancel(new_id(), now=NOW) is None


async def test_a_batch_is_stored_whole(store: Store) -> None:
    batch = [new_task(name=f"task {number}") for number in range(500)]

    await store.tasks.insert(batch)

    found = await store.lists.page(TaskFilter(), Order(), Span(limit=1_000), store.lists.deadline())
    assert [task.id for task in found] == sorted((task.id for task in batch), reverse=True)


async def test_a_batch_with_one_bad_row_leaves_nothing_behind(store: Store) -> None:
    good, twice = new_task(), new_task()

    with pytest.raises(DataRejectedError):
        await store.tasks.insert([good, twice, twice])

    assert await store.tasks.get(good.id) is None


async def test_times_keep_their_microseconds_and_their_order(store: Store) -> None:
    moments = [datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC)]
    tasks = [new_task(name=str(moment), run_at=moment) for moment in moments]
    await store.tasks.insert(tasks)

    for task, moment in zip(tasks, moments, strict=True):
        stored = await store.tasks.get(task.id)
        assert stored is not None
        assert stored.run_at == moment


async def test_a_waiting_task_is_cancelled_at_once_and_for_good(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])

    cancelled = await store.tasks.cancel(task.id, now=later(1))
    again = await store.tasks.cancel(task.id, now=later(2))

    assert cancelled is not None
    assert (cancelled.status, cancelled.finished_at) == (Status.CANCELLED, later(1))
    assert again == cancelled
    assert await store.attempts.claim([task.id], worker_id=new_id(), now=later(3)) == []


async def test_a_running_task_is_asked_to_stop_and_goes_on_until_it_does(store: Store) -> None:
    task, worker = new_task(), new_worker()
    await store.tasks.insert([task])
    await store.attempts.claim([task.id], worker_id=worker.id, now=NOW)

    asked = await store.tasks.cancel(task.id, now=later(1))
    again = await store.tasks.cancel(task.id, now=later(2))

    assert asked is not None
    assert again is not None
    assert (asked.status, asked.cancel_requested_at) == (Status.IN_PROGRESS, later(1))
    assert again.cancel_requested_at == later(1)
    (running,) = await store.attempts.running(worker.id)
    assert running.cancel_requested


async def test_a_finished_task_is_left_alone_by_a_cancel(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)
    await store.attempts.finish([completed(claimed, {"ok": True})], now=NOW)

    after = await store.tasks.cancel(task.id, now=later(1))

    assert after is not None
    assert (after.status, after.result, after.cancel_requested_at) == (Status.COMPLETED, {"ok": True}, None)


async def test_marks_say_where_those_of_the_tasks_stand_that_there_are(store: Store) -> None:
    waiting, gone = new_task(queue="other"), new_task()
    cancelled = new_task(priority=Priority.HIGH)
    await store.tasks.insert([waiting, cancelled])
    await store.tasks.cancel(cancelled.id, now=NOW)

    marks = {mark.id: mark for mark in await store.tasks.marks([waiting.id, gone.id, cancelled.id])}

    assert set(marks) == {waiting.id, cancelled.id}
    first, second = marks[waiting.id], marks[cancelled.id]
    assert (first.status, first.queue, first.handler, first.attempt, first.version) == (
        Status.NEW,
        "other",
        waiting.handler,
        0,
        1,
    )
    assert (second.status, second.priority, second.version) == (Status.CANCELLED, Priority.HIGH, 2)
    assert await store.tasks.marks([]) == []
