"""How busy the service is, and what failed of late: the same on both databases."""

from datetime import timedelta
from uuid import UUID

from narad.domain.decide import Finish
from narad.domain.failures import Failure
from narad.domain.fleet import Count, WorkerState
from narad.domain.status import Priority, Status
from narad.domain.task import TaskError
from narad.ids import new_id
from narad.store.failures import LONGEST_MESSAGE, LONGEST_TAIL, MOST_FAILURES
from narad.store.store import Store
from tests.support.stores import GUARD, LEASE
from tests.support.tasks import NOW, later, new_task, new_worker

WORKER = UUID(int=7)
ERROR = TaskError(type="Oops", message="m" * 1_000, traceback="start " + "x" * 10_000 + " end" + "m" * 1_000)


async def fail(store: Store, ids: list[UUID], error: TaskError | None, *, seconds: float = 1) -> None:
    claimed = await store.attempts.claim(ids, worker_id=WORKER, now=NOW)
    at = later(seconds)
    outcomes = [Finish(id=one.id, attempt=one.attempt, status=Status.FAILED, at=at, error=error) for one in claimed]
    assert all(await store.attempts.finish(outcomes, now=at))


async def test_the_load_says_what_waits_longest_at_each_priority_over_all_queues(store: Store) -> None:
    await store.tasks.insert(
        [
            new_task(queue="a", priority=Priority.HIGH, run_at=later(-10)),
            new_task(queue="b", priority=Priority.HIGH, run_at=later(-30)),
            new_task(queue="b", priority=Priority.LOW, run_at=later(-20)),
            new_task(queue="c", priority=Priority.MEDIUM, run_at=later(60)),
        ]
    )

    found = await store.load.look(now=NOW)

    assert found.oldest_run_at == {Priority.HIGH: later(-30), Priority.MEDIUM: None, Priority.LOW: later(-20)}


async def test_the_load_of_an_empty_service_is_nothing(store: Store) -> None:
    found = await store.load.look(now=NOW)

    assert set(found.oldest_run_at.values()) == {None}
    assert (found.due, found.due_since) == (Count(0), None)
    assert (found.living, found.busy, found.slots, found.has_tasks) == (0, 0, 0, False)
    assert await store.load.longest_running(most=10) == []
    assert await store.failures.newest() == []


async def test_the_load_counts_what_the_relay_has_to_look_at(store: Store) -> None:
    tasks = [new_task() for _ in range(3)]
    await store.tasks.insert(tasks)
    await store.attempts.claim([tasks[0].id], worker_id=WORKER, now=NOW)
    in_an_hour = NOW + timedelta(hours=1)

    assert (await store.load.look(now=in_an_hour)).due == Count(2)
    assert (await store.load.look(now=NOW - timedelta(hours=1))).due == Count(0)


async def test_what_the_relay_takes_and_what_comes_later_is_not_due(store: Store) -> None:
    await store.tasks.insert([new_task(), new_task(), new_task(run_at=later(600))])
    after_guard = later(GUARD.total_seconds())

    before, due = await store.load.look(now=NOW), await store.load.look(now=after_guard)
    await store.handovers.due(10, now=after_guard)
    taken = await store.load.look(now=after_guard)

    assert (before.due, due.due, due.due_since) == (Count(0), Count(2), after_guard)
    assert (taken.due, taken.due_since) == (Count(0), None)


async def test_the_load_counts_the_slots_of_living_workers(store: Store) -> None:
    living, gone, stopped = new_worker(concurrency=4), new_worker(concurrency=8), new_worker(concurrency=16)
    for worker in (living, gone, stopped):
        await store.workers.register(worker, now=NOW)
    after_lease = later(LEASE.total_seconds() + 1)
    await store.workers.renew(living.id, now=after_lease, busy=3)
    await store.workers.stop(stopped.id, now=NOW)

    found = await store.load.look(now=after_lease)

    assert (found.living, found.workers[WorkerState.LOST], found.busy, found.slots) == (1, 1, 3, 4)


async def test_the_longest_running_come_first(store: Store) -> None:
    tasks = [new_task(name=f"task {number}") for number in range(4)]
    await store.tasks.insert(tasks)
    for seconds, task in enumerate(tasks[2::-1]):  # the fourth one waits
        await store.attempts.claim([task.id], worker_id=WORKER, now=later(seconds))

    found = await store.load.longest_running(most=2)

    assert [(one.name, one.started_at) for one in found] == [("task 2", NOW), ("task 1", later(1))]


async def test_failures_are_read_the_newest_first_with_the_end_of_their_traceback(store: Store) -> None:
    older, newer, other = new_task(handler="demo.fail"), new_task(), new_task()
    await store.tasks.insert([older, newer, other])
    await fail(store, [older.id], ERROR, seconds=2)
    await fail(store, [newer.id], TaskError(type="Timeout", message="late"), seconds=3)

    first, second = await store.failures.newest()

    assert first == Failure(
        task_id=newer.id,
        handler="demo.echo",
        finished_at=later(3),
        worker_id=WORKER,
        error_type="Timeout",
        message="late",
        traceback_tail=None,
    )
    assert (second.task_id, second.handler, second.error_type, second.finished_at) == (
        older.id,
        "demo.fail",
        "Oops",
        later(2),
    )
    assert second.message == "m" * LONGEST_MESSAGE
    assert second.traceback_tail == "x" * (LONGEST_TAIL - 4) + " end"


async def test_no_more_failures_are_read_than_a_limit(store: Store) -> None:
    tasks = [new_task(id=new_id()) for _ in range(MOST_FAILURES + 2)]
    await store.tasks.insert(tasks)
    await fail(store, [task.id for task in tasks], TaskError(type="Oops", message=""))

    found = await store.failures.newest()

    assert [one.task_id for one in found] == sorted((task.id for task in tasks), reverse=True)[:MOST_FAILURES]
