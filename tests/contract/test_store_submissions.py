"""Nothing is stored twice: neither for one idempotency key nor, while a task is active, for one unique key."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from narad.domain.submission import Created, Duplicate, IdempotencyKey, KeyReused, Replayed, Submission
from narad.domain.task import NewTask
from narad.ids import new_id
from narad.store.filters import TaskFilter
from narad.store.lists import Span
from narad.store.order import Order
from narad.store.retention import KEYS_KEPT
from narad.store.store import Store
from narad.store.submissions import DuplicatesError
from tests.support.stores import opened
from tests.support.tasks import NOW, completed, later, new_task


def a_key(digest: UUID | None = None, fingerprint: str = "body") -> IdempotencyKey:
    return IdempotencyKey(digest=digest or new_id(), fingerprint=fingerprint)


def unique(key: str = "order-7", *, may_exist: bool = False) -> Submission:
    return Submission(new_task(unique_key=key), may_exist=may_exist)


async def stored(store: Store) -> set[UUID]:
    found = await store.lists.page(TaskFilter(), Order(), Span(limit=1_000), store.lists.deadline())
    return {task.id for task in found}


async def run(store: Store, task: NewTask) -> None:
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=NOW)
    assert await store.attempts.finish([completed(claimed)], now=NOW) == [True]


async def test_a_key_makes_one_task_of_two_requests(store: Store) -> None:
    key = a_key()
    first, second = Submission(new_task(), key), Submission(new_task(), key)

    assert await store.submissions.submit([first]) == [Created(first.task)]
    assert await store.submissions.submit([second]) == [Replayed((first.task.id,))]

    assert await stored(store) == {first.task.id}


async def test_a_key_with_another_body_is_told_from_a_repetition(store: Store) -> None:
    key = a_key()
    await store.submissions.submit([Submission(new_task(), key)])

    assert await store.submissions.submit([Submission(new_task(), replace(key, fingerprint="other"))]) == [KeyReused()]


async def test_requests_of_one_key_in_one_batch_make_one_task_and_do_not_sink_their_neighbours(store: Store) -> None:
    key = a_key()
    batch = [Submission(new_task(), key), Submission(new_task(), a_key()), Submission(new_task(), key)]

    results = await store.submissions.submit(batch)

    winner = next(result for result in (results[0], results[2]) if isinstance(result, Created))
    assert results[1] == Created(batch[1].task)
    assert Replayed((winner.task.id,)) in (results[0], results[2])
    assert await stored(store) == {winner.task.id, batch[1].task.id}


async def test_of_processes_that_submit_one_key_at_once_one_creates(database_url: str) -> None:
    key = a_key()
    async with opened(database_url) as one, opened(database_url) as two:
        sent = [Submission(new_task(), key) for _ in range(20)]
        stores = (one, two)
        results = await asyncio.gather(
            *(stores[n % 2].submissions.submit([submission]) for n, submission in enumerate(sent))
        )
        created = [result.task.id for (result,) in results if isinstance(result, Created)]

        assert len(created) == 1
        assert await stored(one) == set(created)
        assert sum(result == [Replayed((created[0],))] for result in results) == 19


async def test_batches_that_share_keys_in_opposite_orders_do_not_block_each_other(database_url: str) -> None:
    keys = [a_key() for _ in range(30)]
    async with opened(database_url) as one, opened(database_url) as two:
        for _ in range(5):
            forward = [Submission(new_task(unique_key=f"u{n}"), key) for n, key in enumerate(keys)]
            backward = [Submission(new_task(unique_key=f"u{n}"), key) for n, key in enumerate(keys)][::-1]
            await asyncio.gather(one.submissions.submit(forward), two.submissions.submit(backward))

        assert len(await stored(one)) == len(keys)


async def test_a_unique_key_is_taken_while_its_task_is_active_and_free_afterwards(store: Store) -> None:
    first, second, third = unique(), unique(), unique()
    await store.submissions.submit([first])

    assert await store.submissions.submit([second]) == [Duplicate(first.task.id)]
    await run(store, first.task)
    assert await store.submissions.submit([third]) == [Created(third.task)]

    assert await stored(store) == {first.task.id, third.task.id}


async def test_one_unique_key_twice_in_a_batch_makes_one_task(store: Store) -> None:
    batch = [unique(), unique("other"), unique()]

    results = await store.submissions.submit(batch)

    assert sorted(type(result).__name__ for result in results) == ["Created", "Created", "Duplicate"]
    assert len(await stored(store)) == 2


async def test_the_idempotency_key_of_a_refused_duplicate_is_free_again(store: Store) -> None:
    first, key = unique(), a_key()
    await store.submissions.submit([first])

    assert await store.submissions.submit([replace(unique(), key=key)]) == [Duplicate(first.task.id)]
    await run(store, first.task)
    again = replace(unique(), key=key)
    assert await store.submissions.submit([again]) == [Created(again.task)]


async def test_a_request_for_many_tasks_is_one_by_its_key(store: Store) -> None:
    key = a_key()
    batch, again = ([Submission(new_task()) for _ in range(3)] for _ in range(2))

    assert await store.submissions.submit_together(batch, key) == [Created(one.task) for one in batch]
    assert await store.submissions.submit_together(again, key) == Replayed(tuple(one.task.id for one in batch))
    assert await store.submissions.submit_together(again, replace(key, fingerprint="other")) == KeyReused()

    assert await stored(store) == {one.task.id for one in batch}


async def test_of_many_tasks_a_duplicate_refuses_all(store: Store) -> None:
    first, key = unique(), a_key()
    await store.submissions.submit([first])
    batch = [Submission(new_task()), unique(), unique("other")]

    with pytest.raises(DuplicatesError) as caught:
        await store.submissions.submit_together(batch, key)

    assert caught.value.existing == {1: first.task.id}
    assert await stored(store) == {first.task.id}
    assert isinstance(await store.submissions.submit_together([Submission(new_task())], key), list)


async def test_of_many_tasks_a_duplicate_that_will_do_stands_in_also_when_the_request_is_repeated(store: Store) -> None:
    first, key = unique(), a_key()
    await store.submissions.submit([first])
    fresh = Submission(new_task())
    batch = [fresh, unique(may_exist=True)]

    assert await store.submissions.submit_together(batch, key) == [Created(fresh.task), Duplicate(first.task.id)]

    assert await store.submissions.submit_together(batch, key) == Replayed((fresh.task.id, first.task.id))


async def test_old_keys_are_forgotten(store: Store) -> None:
    key = a_key()
    await store.submissions.submit([Submission(new_task(), key)])

    assert await store.retention.prune_keys(10, now=NOW + KEYS_KEPT) == 0
    assert await store.retention.prune_keys(10, now=later(1) + KEYS_KEPT) == 1

    again = Submission(new_task(), key)
    assert await store.submissions.submit([again]) == [Created(again.task)]
