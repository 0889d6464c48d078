"""Queues: they are known by those who name them, counted by priority, and a paused one gives nothing away."""

from narad.domain.decide import Decision
from narad.domain.fleet import Count, LaneStatus, QueueStatus
from narad.domain.status import Priority
from narad.ids import new_id
from narad.store.attempts import Aged
from narad.store.catalogue import CatalogueEntry
from narad.store.store import Store
from tests.support.tasks import NOW, completed, later, new_task, put_back

WORKER = new_id()
NOTHING = LaneStatus(waiting=Count(0), delayed=Count(0), oldest_run_at=None)
SOON = Aged(medium=later(1) - NOW, low=later(1) - NOW)


async def look(store: Store, name: str) -> QueueStatus:
    (queue,) = await store.queues.look({name: 2}, [name], now=later(10))
    return queue


async def test_a_queue_is_known_by_tasks_that_wait_or_run_by_handlers_and_by_a_pause(store: Store) -> None:
    waiting, running, over = (new_task(queue=name) for name in ("waiting", "running", "over"))
    await store.tasks.insert([waiting, running, over, new_task(queue="another"), new_task(queue="waiting")])
    await store.attempts.claim([running.id], worker_id=WORKER, now=NOW)
    (claimed,) = await store.attempts.claim([over.id], worker_id=WORKER, now=NOW)
    await store.attempts.finish([completed(claimed)], now=NOW)
    entry = CatalogueEntry(
        name="h",
        fingerprint="f",
        queue="offered",
        title=None,
        description=None,
        payload_schema={},
        result_schema=None,
        options={},
    )
    await store.catalogue.publish([entry], now=NOW)
    await store.queues.pause("paused", None, now=NOW)

    assert await store.queues.names() == ["another", "offered", "paused", "running", "waiting"]


async def test_without_anything_no_queue_is_known(store: Store) -> None:
    assert await store.queues.names() == []


async def test_what_waits_is_counted_by_priority_apart_from_what_is_to_wait(store: Store) -> None:
    high = [new_task(priority=Priority.HIGH, run_at=later(n)) for n in (3, 1, 10, 11)]
    low, elsewhere = new_task(priority=Priority.LOW, run_at=later(99)), new_task(queue="another")
    running = new_task(priority=Priority.HIGH)
    await store.tasks.insert([*high, low, elsewhere, running])
    await store.attempts.claim([running.id], worker_id=WORKER, now=NOW)

    assert await look(store, "default") == QueueStatus(
        name="default",
        lanes={
            Priority.HIGH: LaneStatus(waiting=Count(3), delayed=Count(1), oldest_run_at=later(1)),
            Priority.MEDIUM: NOTHING,
            Priority.LOW: LaneStatus(waiting=Count(0), delayed=Count(1), oldest_run_at=None),
        },
        running=Count(1),
        workers=2,
        paused_at=None,
        paused_reason=None,
    )


async def test_several_queues_are_looked_at_together(store: Store) -> None:
    await store.tasks.insert([new_task(queue="a"), new_task(queue="a"), new_task(queue="b")])

    found = await store.queues.look({}, ["a", "b", "c"], now=NOW)

    waiting = {queue.name: queue.lanes[Priority.MEDIUM].waiting.value for queue in found}
    assert waiting == {"a": 2, "b": 1, "c": 0}


async def test_a_pause_stays_since_when_it_began_with_the_latest_reason(store: Store) -> None:
    await store.queues.pause("default", "first", now=NOW)
    await store.queues.pause("default", "second", now=later(5))

    queue = await look(store, "default")
    assert (queue.paused_at, queue.paused_reason) == (NOW, "second")
    assert await store.workers.paused_queues() == {"default"}

    await store.queues.resume("default")
    await store.queues.resume("default")
    assert (await look(store, "default")).paused_at is None
    assert await store.workers.paused_queues() == frozenset()


async def test_a_paused_queue_gives_nothing_away_at_once_and_everything_when_resumed(store: Store) -> None:
    tasks = [new_task(priority=priority) for priority in Priority]
    other = new_task(queue="another")
    await store.tasks.insert([*tasks, other])
    await store.queues.pause("default", None, now=NOW)

    assert await store.attempts.claim_next("default", 10, worker_id=WORKER, now=later(100)) == []
    assert await store.attempts.claim_next("default", 10, worker_id=WORKER, now=later(100), aged=SOON) == []
    assert len(await store.attempts.claim_next("another", 10, worker_id=WORKER, now=NOW)) == 1

    await store.queues.resume("default")
    claimed = await store.attempts.claim_next("default", 10, worker_id=WORKER, now=NOW)
    assert {task.id for task in claimed} == {task.id for task in tasks}


async def test_a_running_task_of_a_paused_queue_ends_and_one_put_back_waits(store: Store) -> None:
    ends, goes_on = new_task(), new_task()
    await store.tasks.insert([ends, goes_on])
    claimed = {task.id: task for task in await store.attempts.claim_next("default", 2, worker_id=WORKER, now=NOW)}
    await store.queues.pause("default", None, now=NOW)

    decisions: list[Decision] = [completed(claimed[ends.id]), put_back(claimed[goes_on.id], NOW)]
    assert list(await store.attempts.finish(decisions, now=NOW)) == [True, True]
    assert await store.attempts.claim_next("default", 2, worker_id=WORKER, now=NOW) == []
    assert (await look(store, "default")).lanes[Priority.MEDIUM].waiting == Count(1)
