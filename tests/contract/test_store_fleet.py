"""Workers as people see them: their states, what they run, and orders that the next heartbeat brings home."""

from uuid import UUID

import pytest

from narad.domain.fleet import Orders, WorkerOrder, WorkerState, WorkerStatus
from narad.domain.task import Progress
from narad.ids import new_id
from narad.store.fleet import MOST_CURRENT_TASKS
from narad.store.store import Store
from narad.store.workers import NewWorker
from tests.support.stores import LEASE
from tests.support.tasks import NOW, later, new_task, new_worker

AFTER_LEASE = later(LEASE.total_seconds() + 0.001)
NO_ORDERS = Orders(ordered=None, paused=frozenset())


async def registered(store: Store, **fields: object) -> NewWorker:
    worker = new_worker(**fields)
    await store.workers.register(worker, now=NOW)
    return worker


async def status(store: Store, worker_id: UUID, seconds: float = 1) -> WorkerStatus:
    found = await store.fleet.get(worker_id, now=later(seconds))
    assert found is not None
    return found


async def state(store: Store, worker_id: UUID, seconds: float = 1) -> WorkerState:
    return (await status(store, worker_id, seconds)).state


async def test_a_worker_is_shown_as_it_registered_and_as_its_heartbeat_told(store: Store) -> None:
    worker = await registered(store, name="pod-0", queues=("a", "b"))
    await store.workers.renew(worker.id, now=later(1), busy=3)

    found = await status(store, worker.id)

    assert (found.id, found.name, found.host, found.pid, found.concurrency) == (worker.id, "pod-0", "here", 1, 4)
    assert (list(found.queues), list(found.handlers)) == (["a", "b"], ["demo.echo"])
    assert (found.busy, found.started_at, found.heartbeat_at) == (3, NOW, later(1))
    assert (found.lease_expires_at, found.stopped_at) == (later(1) + LEASE, None)
    assert await store.fleet.get(new_id(), now=NOW) is None


async def test_what_a_worker_runs_is_shown_the_oldest_first(store: Store) -> None:
    worker, other = await registered(store), await registered(store)
    tasks = [new_task(name=f"task {n}") for n in range(3)]
    await store.tasks.insert(tasks)
    for seconds, task in enumerate(reversed(tasks)):
        await store.attempts.claim([task.id], worker_id=worker.id, now=later(seconds))
    await store.attempts.report(tasks[0].id, 1, Progress(value=0.5, message="half"))

    shown = (await status(store, worker.id)).tasks

    assert [task.name for task in shown] == ["task 2", "task 1", "task 0"]
    assert [task.progress for task in shown] == [None, None, Progress(value=0.5, message="half")]
    assert (shown[0].id, shown[0].handler, shown[0].attempt, shown[0].started_at) == (tasks[2].id, "demo.echo", 1, NOW)
    assert (await status(store, other.id)).tasks == ()


async def test_no_more_tasks_of_a_worker_are_shown_than_a_limit(store: Store) -> None:
    busy, other = await registered(store), await registered(store)
    tasks = [new_task() for _ in range(MOST_CURRENT_TASKS + 2)]
    await store.tasks.insert(tasks)
    await store.attempts.claim([task.id for task in tasks[1:]], worker_id=busy.id, now=NOW)
    await store.attempts.claim([tasks[0].id], worker_id=other.id, now=NOW)

    shown = {worker.id: worker.tasks for worker in await store.fleet.find([], before=None, limit=10, now=NOW)}

    assert len(shown[busy.id]) == MOST_CURRENT_TASKS
    assert [task.id for task in shown[other.id]] == [tasks[0].id]


async def test_every_state_is_told_apart_and_can_be_asked_for(store: Store) -> None:
    online, quiet, ordered, drains, stopped, late = [await registered(store) for _ in range(6)]
    namesake = await registered(store, name="pod-0")
    await registered(store, name="pod-0")
    for worker in (online, quiet, ordered):
        await store.workers.renew(worker.id, now=later(20))
    await store.workers.renew(drains.id, now=later(20), draining=True)
    await store.fleet.order(quiet.id, WorkerOrder.QUIET, now=later(20))
    await store.fleet.order(ordered.id, WorkerOrder.DRAIN, now=later(20))
    await store.workers.stop(stopped.id, now=later(20))

    expected = {
        online.id: WorkerState.ONLINE,
        quiet.id: WorkerState.QUIET,
        ordered.id: WorkerState.DRAINING,
        drains.id: WorkerState.DRAINING,
        stopped.id: WorkerState.STOPPED,
        late.id: WorkerState.LOST,
        namesake.id: WorkerState.LOST,
    }
    assert {worker_id: await state(store, worker_id, 40) for worker_id in expected} == expected
    for wanted in WorkerState:
        found = await store.fleet.find([wanted], before=None, limit=10, now=later(40))
        ids = {worker_id for worker_id, state in expected.items() if state is wanted}
        assert ids <= {worker.id for worker in found}
        assert {worker.state for worker in found} == {wanted}


async def test_a_worker_declared_lost_stays_lost(store: Store) -> None:
    worker = await registered(store)

    await store.workers.rescue(now=AFTER_LEASE)

    assert await state(store, worker.id, 1) is WorkerState.LOST


async def test_a_list_is_read_page_by_page_those_that_started_last_first(store: Store) -> None:
    workers = [await registered(store) for _ in range(5)]

    first = await store.fleet.find([], before=None, limit=3, now=NOW)
    second = await store.fleet.find([], before=first[-1].id, limit=3, now=NOW)

    assert [worker.id for worker in (*first, *second)] == [worker.id for worker in reversed(workers)]


async def test_the_heartbeat_hears_orders_and_pauses(store: Store) -> None:
    worker = await registered(store)
    assert await store.workers.renew(worker.id, now=NOW) == NO_ORDERS

    assert await store.fleet.order(worker.id, WorkerOrder.QUIET, now=NOW)
    await store.queues.pause("images", None, now=NOW)
    heard = await store.workers.renew(worker.id, now=NOW)
    assert heard == Orders(ordered=WorkerOrder.QUIET, paused=frozenset({"images"}))

    assert await store.fleet.order(worker.id, None, now=NOW)
    await store.queues.resume("images")
    assert await store.workers.renew(worker.id, now=NOW) == NO_ORDERS


@pytest.mark.parametrize("order", [WorkerOrder.QUIET, None])
async def test_a_worker_that_drains_takes_no_other_order(store: Store, order: WorkerOrder | None) -> None:
    told, by_signal = await registered(store), await registered(store)
    await store.fleet.order(told.id, WorkerOrder.DRAIN, now=NOW)
    await store.workers.renew(by_signal.id, now=NOW, draining=True)

    for worker in (told, by_signal):
        assert not await store.fleet.order(worker.id, order, now=NOW)
        assert await store.fleet.order(worker.id, WorkerOrder.DRAIN, now=NOW)
        assert await state(store, worker.id) is WorkerState.DRAINING


@pytest.mark.parametrize("order", [*WorkerOrder, None])
async def test_a_worker_that_is_gone_or_unknown_takes_no_order(store: Store, order: WorkerOrder | None) -> None:
    stopped, late = await registered(store), await registered(store)
    await store.workers.stop(stopped.id, now=NOW)

    assert not await store.fleet.order(stopped.id, order, now=NOW)
    assert not await store.fleet.order(late.id, order, now=AFTER_LEASE)
    assert not await store.fleet.order(new_id(), order, now=NOW)


async def test_only_living_workers_offer_anything(store: Store) -> None:
    alive, stopped = await registered(store, handlers=("a", "b")), await registered(store, handlers=("c",))
    await store.workers.stop(stopped.id, now=NOW)

    (offer,) = await store.fleet.offers(now=later(1))
    assert (list(offer.handlers), list(offer.queues), offer.heartbeat_at) == (["a", "b"], ["default"], NOW)
    assert alive.handlers == ("a", "b")
    assert await store.fleet.offers(now=AFTER_LEASE) == []
