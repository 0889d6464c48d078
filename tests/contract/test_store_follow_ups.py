"""Checkpoints and follow-up tasks: fenced by the attempt, and each follow-up once."""

import asyncio
from uuid import UUID

import pytest

from narad.domain.status import Status
from narad.domain.task import ClaimedTask, Json, NewTask, TaskError
from narad.ids import new_id
from narad.store.filters import TaskFilter
from narad.store.lists import Span
from narad.store.order import Order, SortKey
from narad.store.store import Store
from tests.support.tasks import NOW, completed, later, new_task, put_back


async def running(store: Store) -> ClaimedTask:
    """A task in its first attempt."""
    task = new_task()
    await store.tasks.insert([task])
    return await claimed(store, task.id)


async def claimed(store: Store, task_id: UUID) -> ClaimedTask:
    (claim,) = await store.attempts.claim([task_id], worker_id=new_id(), now=later(1))
    return claim


async def again(store: Store, attempt: ClaimedTask) -> ClaimedTask:
    """The next attempt, after that one was given back."""
    assert await store.attempts.finish([put_back(attempt, NOW)], now=NOW) == [True]
    return await claimed(store, attempt.id)


def follow_up(parent: ClaimedTask, key: str = "k") -> NewTask:
    return new_task(parent_id=parent.id, spawn_key=key)


@pytest.mark.parametrize("value", [{"next": 3}, [1, 2], "text", 0, 1e16, False, None, "x" * 60_000], ids=str)
async def test_a_checkpoint_comes_back_as_it_was_saved(store: Store, value: Json) -> None:
    task = await running(store)

    assert await store.checkpoints.save(task.id, task.attempt, "before")
    assert await store.checkpoints.save(task.id, task.attempt, value)

    assert await store.checkpoints.read(task.id) == value


async def test_a_task_has_no_checkpoint_until_one_is_saved(store: Store) -> None:
    task, other = await running(store), await running(store)
    await store.checkpoints.save(other.id, other.attempt, 1)

    assert await store.checkpoints.read(task.id) is None


async def test_a_checkpoint_survives_the_attempts_and_the_failure_of_its_task(store: Store) -> None:
    task = await running(store)
    await store.checkpoints.save(task.id, task.attempt, "here")
    error = TaskError(type="X", message="x")
    assert await store.attempts.finish([put_back(task, NOW, charge=1, error=error)], now=NOW) == [True]

    second = await claimed(store, task.id)

    assert await store.checkpoints.read(second.id) == "here"


async def test_only_the_current_attempt_saves(store: Store) -> None:
    first = await running(store)
    second = await again(store, first)
    await store.checkpoints.save(second.id, second.attempt, "second")

    assert not await store.checkpoints.save(first.id, first.attempt, "first")
    assert await store.checkpoints.read(first.id) == "second"


async def test_an_attempt_that_has_ended_saves_nothing(store: Store) -> None:
    task = await running(store)
    await store.attempts.finish([completed(task)], now=NOW)

    assert not await store.checkpoints.save(task.id, task.attempt, "late")
    assert await store.checkpoints.read(task.id) is None


async def test_a_checkpoint_can_be_forgotten_and_goes_with_its_task(store: Store) -> None:
    tasks = [await running(store) for _ in range(3)]
    for task in tasks:
        await store.checkpoints.save(task.id, task.attempt, 1)

    await store.checkpoints.forget(tasks[0].id)
    await store.attempts.finish([completed(tasks[1])], now=NOW)
    pruned = await store.retention.prune_tasks(10, before=later(10 * 366 * 86_400))

    assert pruned == 1
    assert [await store.checkpoints.read(task.id) for task in tasks] == [None, None, 1]


async def test_a_follow_up_is_stored_as_any_task_with_its_parent(store: Store) -> None:
    parent = await running(store)
    task = follow_up(parent)

    spawned = await store.follow_ups.add(task, attempt=parent.attempt)

    assert spawned is not None
    assert (spawned.task_id, spawned.is_new) == (task.id, True)
    stored = await store.tasks.get(task.id)
    assert stored is not None
    assert (stored.parent_id, stored.status) == (parent.id, Status.NEW)
    assert (await claimed(store, task.id)).id == task.id


async def test_a_later_attempt_gets_the_follow_up_that_there_is(store: Store) -> None:
    first = await running(store)
    task = follow_up(first)
    await store.follow_ups.add(task, attempt=first.attempt)
    second = await again(store, first)

    spawned = await store.follow_ups.add(follow_up(second), attempt=second.attempt)

    assert spawned is not None
    assert (spawned.task_id, spawned.is_new) == (task.id, False)


async def test_the_same_key_under_another_parent_is_another_follow_up(store: Store) -> None:
    parents = [await running(store) for _ in range(2)]

    spawned = [await store.follow_ups.add(follow_up(parent), attempt=parent.attempt) for parent in parents]

    assert [one is not None and one.is_new for one in spawned] == [True, True]


async def test_the_same_follow_up_asked_for_at_once_is_stored_once(store: Store) -> None:
    parent = await running(store)

    spawned = await asyncio.gather(*(store.follow_ups.add(follow_up(parent), attempt=parent.attempt) for _ in range(4)))

    assert len({one.task_id for one in spawned if one is not None}) == 1
    assert sorted(one.is_new for one in spawned if one is not None) == [False, False, False, True]


async def test_an_attempt_that_is_over_creates_nothing(store: Store) -> None:
    first = await running(store)
    second = await again(store, first)
    late = follow_up(first)

    assert await store.follow_ups.add(late, attempt=first.attempt) is None
    await store.attempts.finish([completed(second)], now=NOW)
    assert await store.follow_ups.add(late, attempt=second.attempt) is None
    assert await store.tasks.get(late.id) is None


async def test_follow_ups_are_listed_by_their_parent(store: Store) -> None:
    parent, other = await running(store), await running(store)
    tasks = [follow_up(parent, key) for key in "abc"]
    for task in tasks:
        await store.follow_ups.add(task, attempt=parent.attempt)
    await store.follow_ups.add(follow_up(other), attempt=other.attempt)
    wanted = TaskFilter(parent=(parent.id,))

    for key in SortKey:
        page = await store.lists.page(wanted, Order(key, descending=True), Span(limit=10), store.lists.deadline())
        assert {task.id for task in page} == {task.id for task in tasks}
    assert await store.lists.count(wanted, store.lists.deadline(), most=10) == 3
