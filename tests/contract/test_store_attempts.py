"""What workers are promised: one claim wins, the most urgent goes first, and only the current attempt may write."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest

from narad.domain.status import Priority, Status
from narad.domain.task import ClaimedTask, FailedAttempt, Progress, TaskError
from narad.ids import new_id
from narad.store.attempts import Aged
from narad.store.store import Store
from tests.support.stores import opened
from tests.support.tasks import NOW, completed, hand_over, later, new_task, new_worker, put_back

WORKER = new_id()
AGED = Aged(medium=timedelta(seconds=15), low=timedelta(seconds=60))
ERROR = TaskError(type="OSError", message="no", traceback="at", retryable=True)


async def claimed_one(store: Store, **fields: object) -> ClaimedTask:
    task = new_task(**fields)
    await store.tasks.insert([task])
    (claimed,) = await store.attempts.claim([task.id], worker_id=WORKER, now=NOW)
    return claimed


async def test_a_claim_starts_the_next_attempt(store: Store) -> None:
    claimed = await claimed_one(store, payload={"a": [1]}, timeout_seconds=90, tags=("t",))

    assert (claimed.attempt, claimed.deadline_at, claimed.tags) == (1, later(90), ("t",))
    assert json.loads(claimed.payload) == {"a": [1]}
    stored = await store.tasks.get(claimed.id)
    assert stored is not None
    assert (stored.status, stored.worker_id, stored.started_at) == (Status.IN_PROGRESS, WORKER, NOW)


async def test_a_task_without_a_time_limit_has_no_deadline(store: Store) -> None:
    assert (await claimed_one(store)).deadline_at is None


async def test_a_claimed_task_is_not_claimed_again(store: Store) -> None:
    claimed = await claimed_one(store)

    assert await store.attempts.claim([claimed.id], worker_id=new_id(), now=NOW) == []
    assert await store.attempts.claim_next("default", 5, worker_id=new_id(), now=NOW) == []


async def test_nothing_is_claimed_before_its_time(store: Store) -> None:
    task = new_task(run_at=later(10))
    await store.tasks.insert([task])

    assert await store.attempts.claim([task.id], worker_id=WORKER, now=later(9.999999)) == []
    assert await store.attempts.claim_next("default", 5, worker_id=WORKER, now=later(9.999999)) == []
    assert len(await store.attempts.claim_next("default", 5, worker_id=WORKER, now=later(10))) == 1


async def test_claim_next_takes_the_most_urgent_then_the_longest_waiting(store: Store) -> None:
    tasks = [
        new_task(name=f"{priority} {age}", priority=priority, created_at=later(-age))
        for priority in (Priority.LOW, Priority.HIGH, Priority.MEDIUM)
        for age in (1, 3, 2)
    ]
    await store.tasks.insert(tasks)
    by_id = {task.id: task.name for task in tasks}

    order = []
    while claimed := await store.attempts.claim_next("default", 1, worker_id=WORKER, now=NOW):
        order.append(by_id[claimed[0].id])

    assert order == [f"{priority} {age}" for priority in ("HIGH", "MEDIUM", "LOW") for age in (3, 2, 1)]


async def test_claim_next_takes_no_more_than_asked_for_and_only_from_its_queue(store: Store) -> None:
    await store.tasks.insert([new_task(priority=priority) for priority in Priority for _ in range(3)])
    await store.tasks.insert([new_task(queue="images", priority=Priority.HIGH)])

    claimed = await store.attempts.claim_next("default", 4, worker_id=WORKER, now=NOW)

    assert sorted(task.priority for task in claimed) == ["HIGH", "HIGH", "HIGH", "MEDIUM"]
    assert {task.queue for task in claimed} == {"default"}


async def test_the_ageing_quota_takes_what_waited_too_long(store: Store) -> None:
    await store.tasks.insert(
        [
            new_task(priority=Priority.HIGH, created_at=later(-100)),
            new_task(priority=Priority.MEDIUM, created_at=later(-16)),
            new_task(priority=Priority.MEDIUM, created_at=later(-14)),
            new_task(priority=Priority.LOW, created_at=later(-61)),
            new_task(priority=Priority.LOW, created_at=later(-59)),
        ]
    )

    first = await store.attempts.claim_next("default", 1, worker_id=WORKER, now=NOW, aged=AGED)
    rest = await store.attempts.claim_next("default", 9, worker_id=WORKER, now=NOW, aged=AGED)

    assert [task.priority for task in first] == [Priority.LOW]
    assert [task.priority for task in rest] == [Priority.MEDIUM]


@pytest.mark.parametrize("way", ["by id", "next"])
async def test_of_many_workers_exactly_one_gets_a_task(store: Store, database_url: str, way: str) -> None:
    tasks = [new_task() for _ in range(200)]
    await store.tasks.insert(tasks)
    ids = [task.id for task in tasks]

    async def work(own: Store, number: int) -> list[UUID]:
        got: list[UUID] = []
        worker_id = new_id()
        for start in range(0, 200, 20):
            if way == "by id":
                shuffled = ids[(start + number * 7) % 200 :] + ids[: (start + number * 7) % 200]
                claimed = await own.attempts.claim(shuffled[:40], worker_id=worker_id, now=NOW)
            else:
                claimed = await own.attempts.claim_next("default", 20, worker_id=worker_id, now=NOW)
            got += [task.id for task in claimed]
        return got

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(database_url)) for _ in range(4)]
        got = await asyncio.gather(*(work(own, number) for number, own in enumerate(stores)))

    claimed = [task_id for ids_of_one in got for task_id in ids_of_one]
    assert len(claimed) == len(set(claimed))
    assert way == "by id" or set(claimed) == set(ids)


async def test_an_outcome_is_written_once(store: Store) -> None:
    claimed = await claimed_one(store)

    first = await store.attempts.finish([completed(claimed, {"n": 1}, at=later(1))], now=NOW)
    second = await store.attempts.finish([completed(claimed, {"n": 2}, at=later(2))], now=NOW)

    assert (list(first), list(second)) == ([True], [False])
    stored = await store.tasks.get(claimed.id)
    assert stored is not None
    assert (stored.status, stored.result, stored.finished_at) == (Status.COMPLETED, {"n": 1}, later(1))
    assert stored.worker_id == WORKER


@pytest.mark.parametrize("result", [None, "text", "null", 0, [], {"a": None}, 2**70, 1.5, True])
async def test_a_result_comes_back_as_it_was(store: Store, result: object) -> None:
    claimed = await claimed_one(store)

    await store.attempts.finish([completed(claimed, result)], now=NOW)

    stored = await store.tasks.get(claimed.id)
    assert stored is not None
    assert stored.result == result
    assert type(stored.result) is type(result)


async def test_a_task_put_back_waits_for_its_next_attempt(store: Store) -> None:
    claimed = await claimed_one(store)

    assert list(await store.attempts.finish([put_back(claimed, later(30), charge=1, error=ERROR)], now=NOW)) == [True]

    stored = await store.tasks.get(claimed.id)
    assert stored is not None
    assert (stored.status, stored.failures, stored.run_at, stored.error) == (Status.PENDING, 1, later(30), ERROR)
    assert (stored.worker_id, stored.finished_at) == (WORKER, None)
    assert await store.attempts.claim([claimed.id], worker_id=WORKER, now=later(29)) == []
    (again,) = await store.attempts.claim([claimed.id], worker_id=WORKER, now=later(30))
    assert (again.attempt, again.failures) == (2, 1)


async def test_an_earlier_attempt_changes_nothing_any_more(store: Store) -> None:
    stalled = await claimed_one(store)
    await store.attempts.finish([put_back(stalled, NOW)], now=NOW)
    (current,) = await store.attempts.claim([stalled.id], worker_id=new_id(), now=NOW)

    written = await store.attempts.finish([completed(stalled, "late"), put_back(stalled, NOW, charge=1)], now=NOW)
    reported = await store.attempts.report(stalled.id, stalled.attempt, Progress(value=0.9))

    assert list(written) == [False, False]
    assert not reported
    assert list(await store.attempts.finish([completed(current, "current")], now=NOW)) == [True]
    stored = await store.tasks.get(stalled.id)
    assert stored is not None
    assert (stored.result, stored.failures) == ("current", 0)


async def test_a_task_asked_to_stop_is_not_put_back(store: Store) -> None:
    claimed = await claimed_one(store)
    await store.tasks.cancel(claimed.id, now=NOW)

    assert list(await store.attempts.finish([put_back(claimed, NOW)], now=NOW)) == [False]
    assert list(await store.attempts.finish([completed(claimed)], now=NOW)) == [True]


async def test_outcomes_of_many_are_written_together_each_by_its_own_fence(store: Store) -> None:
    tasks = [new_task() for _ in range(6)]
    await store.tasks.insert(tasks)
    claimed = await store.attempts.claim([task.id for task in tasks], worker_id=WORKER, now=NOW)
    await store.attempts.finish([completed(claimed[0], "first")], now=NOW)

    written = await store.attempts.finish([completed(task, index) for index, task in enumerate(claimed)], now=NOW)

    assert list(written) == [False, True, True, True, True, True]
    results = {task.id: (await store.tasks.get(task.id)) for task in claimed}
    assert [results[task.id].result for task in claimed if results[task.id]] == ["first", 1, 2, 3, 4, 5]  # type: ignore[union-attr]


async def test_a_failed_attempt_is_kept_as_evidence_and_any_other_is_not(store: Store) -> None:
    first = await claimed_one(store)
    await store.attempts.finish([put_back(first, NOW, charge=1, error=ERROR)], now=later(1))
    (second,) = await store.attempts.claim([first.id], worker_id=WORKER, now=later(2))
    await store.attempts.finish([put_back(second, NOW)], now=later(3))
    (third,) = await store.attempts.claim([first.id], worker_id=WORKER, now=later(4))
    await store.attempts.finish([completed(third)], now=later(5))

    (kept,) = await store.attempts.history(first.id)

    assert kept == FailedAttempt(attempt=1, worker_id=WORKER, started_at=NOW, finished_at=later(1), error=ERROR)


async def test_a_fenced_failure_leaves_no_evidence(store: Store) -> None:
    claimed = await claimed_one(store)
    await store.attempts.finish([put_back(claimed, NOW)], now=NOW)

    assert not any(await store.attempts.finish([put_back(claimed, NOW, charge=1, error=ERROR)], now=NOW))

    assert await store.attempts.history(claimed.id) == []


async def test_a_worker_that_was_declared_lost_claims_nothing(store: Store) -> None:
    worker, task = new_worker(), new_task()
    await store.workers.register(worker, now=NOW)
    await store.tasks.insert([task])
    await store.workers.rescue(now=later(60))

    assert await store.attempts.claim([task.id], worker_id=worker.id, now=later(60)) == []
    assert await store.attempts.claim_next("default", 1, worker_id=worker.id, now=later(60)) == []
    assert len(await store.attempts.claim([task.id], worker_id=WORKER, now=later(60))) == 1


async def test_a_task_that_waited_too_long_is_not_started_but_fails(store: Store) -> None:
    late, in_time = new_task(expires_at=later(10)), new_task(expires_at=later(11))
    await store.tasks.insert([late, in_time])

    claimed = await store.attempts.claim([late.id, in_time.id], worker_id=WORKER, now=later(10))
    expired = await store.tasks.expire(10, now=later(20))

    assert [task.id for task in claimed] == [in_time.id]
    assert [task.id for task in expired] == [late.id]
    stored = await store.tasks.get(late.id)
    assert stored is not None
    assert stored.error is not None
    assert (stored.status, stored.error.type, stored.finished_at) == (Status.FAILED, "Expired", later(20))


async def test_a_task_started_in_time_never_expires(store: Store) -> None:
    task = new_task(expires_at=later(10))
    await store.tasks.insert([task])
    (claimed,) = await store.attempts.claim([task.id], worker_id=WORKER, now=NOW)
    await store.attempts.finish([put_back(claimed, later(100))], now=NOW)

    assert list(await store.tasks.expire(10, now=later(50))) == []
    assert len(await store.attempts.claim([task.id], worker_id=WORKER, now=later(100))) == 1


async def test_progress_is_kept_while_running_and_starts_anew_with_an_attempt(store: Store) -> None:
    claimed = await claimed_one(store)
    assert await store.attempts.report(claimed.id, claimed.attempt, Progress(value=0.5, message="half"))
    stored = await store.tasks.get(claimed.id)
    assert stored is not None
    assert stored.progress == Progress(value=0.5, message="half")

    await store.attempts.finish([put_back(claimed, NOW)], now=NOW)
    await store.attempts.claim([claimed.id], worker_id=WORKER, now=NOW)

    stored = await store.tasks.get(claimed.id)
    assert stored is not None
    assert stored.progress is None


async def test_every_change_makes_a_new_version(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])
    versions = []

    async def note() -> None:
        stored = await store.tasks.get(task.id)
        assert stored is not None
        versions.append(stored.version)

    await note()
    await store.handovers.mark_pending([hand_over(task)], guard_until=None)
    await note()
    (claimed,) = await store.attempts.claim([task.id], worker_id=WORKER, now=NOW)
    await note()
    await store.attempts.report(claimed.id, claimed.attempt, Progress(value=0.5))
    await note()
    await store.tasks.cancel(task.id, now=NOW)
    await note()
    await store.attempts.finish([completed(claimed)], now=NOW)
    await note()

    assert versions == sorted(set(versions))


async def test_an_attempt_past_its_deadline_or_long_asked_to_stop_is_an_overrun(store: Store) -> None:
    limited, asked, free = new_task(timeout_seconds=10), new_task(), new_task()
    await store.tasks.insert([limited, asked, free])
    await store.attempts.claim([limited.id, asked.id, free.id], worker_id=WORKER, now=NOW)
    await store.tasks.cancel(asked.id, now=later(10))

    assert await store.attempts.overruns(10, before=later(10)) == []
    found = await store.attempts.overruns(10, before=later(10.001))

    assert {(overrun.task.id, overrun.task.attempt, overrun.cancel_requested) for overrun in found} == {
        (limited.id, 1, False),
        (asked.id, 1, True),
    }
    assert len(await store.attempts.overruns(1, before=later(10.001))) == 1
