"""Counts of every process add up, by minute, hour and day; tasks that have ended are never looked at."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from typing_extensions import override

from narad.clock import ManualClock
from narad.domain.fleet import MOST_COUNTED, Count
from narad.domain.statistics import Key, Measure, Span
from narad.domain.status import Priority, Status
from narad.errors import StoreUnavailableError
from narad.ids import new_id
from narad.store.statistics import Bucketed, Statistics, Tallied
from narad.store.store import Store
from narad.tally import Tally, TallyKeeper
from tests.support.hosts import PATIENCE_SECONDS
from tests.support.tasks import NOW, new_task

MINUTE = Span.MINUTE.start(NOW)
CREATED: Key = ("a", Priority.LOW, Measure.CREATED, 0)
FAILED: Key = ("a", Priority.HIGH, Measure.FAILED, 0)
LONG_AGO = NOW - timedelta(days=400)


def tallied(key: Key, total: int) -> Tallied:
    handler, _, measure, bucket = key
    return Tallied(handler=handler, measure=measure, bucket=bucket, total=total)


async def totals(store: Store, span: Span, since: datetime = LONG_AGO) -> set[Tallied]:
    return set(await store.statistics.window(span, since=since))


async def test_counts_add_up_in_the_minute_the_hour_and_the_day(store: Store) -> None:
    await store.statistics.add({(MINUTE, CREATED): 2, (MINUTE, FAILED): 1})
    await store.statistics.add({(MINUTE, CREATED): 3, (MINUTE + timedelta(minutes=1), CREATED): 4})

    for span in Span:
        assert await totals(store, span) == {tallied(CREATED, 9), tallied(FAILED, 1)}
    assert await totals(store, Span.MINUTE, MINUTE + timedelta(minutes=1)) == {tallied(CREATED, 4)}
    assert await totals(store, Span.HOUR, MINUTE + timedelta(minutes=1)) == set()  # it started before


async def test_priorities_and_buckets_are_kept_apart(store: Store) -> None:
    waits: list[Key] = [("a", priority, Measure.WAIT, bucket) for priority in Priority for bucket in (0, 7)]

    await store.statistics.add({(MINUTE, key): number for number, key in enumerate(waits, start=1)})

    expected = {tallied(waits[0], 1 + 3 + 5), tallied(waits[1], 2 + 4 + 6)}
    assert await totals(store, Span.DAY) == expected


async def test_the_course_tells_durations_and_counts_by_span(store: Store) -> None:
    following = MINUTE + timedelta(minutes=1)
    waits: list[Key] = [(name, Priority.LOW, Measure.WAIT, 3) for name in ("a", "b")]
    await store.statistics.add({(MINUTE, key): 2 for key in waits} | {(MINUTE, FAILED): 1, (following, CREATED): 5})

    found = await store.statistics.course(Span.MINUTE, since=MINUTE)

    assert {(one.starts_at, one.measure, one.bucket, one.total) for one in found} == {
        (MINUTE, Measure.WAIT, 3, 4),
        (MINUTE, Measure.FAILED, 0, 1),
        (following, Measure.CREATED, 0, 5),
    }
    assert await store.statistics.course(Span.MINUTE, since=following) == [
        Bucketed(starts_at=following, measure=Measure.CREATED, bucket=0, total=5)
    ]


async def test_processes_that_add_to_the_same_counts_at_once_lose_nothing(store: Store) -> None:
    keys: list[Key] = [(name, priority, Measure.RUN, 5) for name in "abcdef" for priority in Priority]

    await asyncio.gather(
        *(store.statistics.add({(MINUTE, key): 1 for key in (keys if n % 2 else reversed(keys))}) for n in range(20))
    )

    assert await totals(store, Span.MINUTE) == {
        Tallied(handler=name, measure=Measure.RUN, bucket=5, total=60) for name in "abcdef"
    }


async def test_tasks_are_counted_by_status(store: Store) -> None:
    tasks = [new_task() for _ in range(3)]
    await store.tasks.insert(tasks)
    await store.attempts.claim([tasks[0].id], worker_id=new_id(), now=NOW)
    assert (await store.statistics.status_counts()).since is None
    await store.statistics.add({(MINUTE, FAILED): 5})

    found = await store.statistics.status_counts()

    assert found.counts == {
        Status.NEW: Count(2),
        Status.PENDING: Count(0),
        Status.IN_PROGRESS: Count(1),
        Status.COMPLETED: Count(0),
        Status.FAILED: Count(5),
        Status.CANCELLED: Count(0),
    }
    assert found.since == Span.DAY.start(NOW)


async def test_no_more_is_counted_than_a_limit(store: Store) -> None:
    for _ in range(10):
        await store.tasks.insert([new_task() for _ in range(MOST_COUNTED // 10)])
    assert (await store.statistics.status_counts()).counts[Status.NEW] == Count(MOST_COUNTED, "eq")
    await store.tasks.insert([new_task()])

    assert (await store.statistics.status_counts()).counts[Status.NEW] == Count(MOST_COUNTED, "gte")
    (queue,) = await store.queues.look({}, ["default"], now=NOW)
    assert queue.lanes[Priority.MEDIUM].waiting == Count(MOST_COUNTED, "gte")


async def test_counts_that_no_window_reaches_are_removed_and_days_after_the_retention(store: Store) -> None:
    for age in (timedelta(0), timedelta(hours=3), timedelta(days=3), timedelta(days=12)):
        await store.statistics.add({(Span.MINUTE.start(NOW - age), CREATED): 1})

    await store.statistics.prune(now=NOW, days_kept=None)
    assert await totals(store, Span.MINUTE) == {tallied(CREATED, 1)}
    assert await totals(store, Span.HOUR) == {tallied(CREATED, 2)}
    assert await totals(store, Span.DAY) == {tallied(CREATED, 4)}

    await store.statistics.prune(now=NOW, days_kept=timedelta(days=10))
    assert await totals(store, Span.DAY) == {tallied(CREATED, 3)}


async def test_what_a_process_counted_is_written_down_when_it_stops(store: Store) -> None:
    tally = Tally()
    keeper = TallyKeeper(tally, store.statistics, ManualClock(NOW), pause_seconds=3_600)
    await keeper.start()
    tally.created([new_task(handler="a", priority=Priority.LOW)] * 2)
    tally.finished("a", Priority.HIGH, Status.FAILED)
    tally.timed("a", Priority.HIGH, waited_seconds=0, ran_seconds=1)

    await keeper.stop()
    await keeper.stop()

    totals_by_measure = {one.measure: one.total for one in await totals(store, Span.MINUTE, MINUTE)}
    assert totals_by_measure == {Measure.CREATED: 2, Measure.FAILED: 1, Measure.WAIT: 1, Measure.RUN: 1}


@pytest.mark.parametrize("outage", [1, 3])
async def test_what_the_store_does_not_take_is_kept_under_its_minute(store: Store, outage: int) -> None:
    class Away(Statistics):
        refused = 0

        @override
        async def add(self, counts: Mapping[tuple[datetime, Key], int]) -> None:
            if self.refused < outage:
                self.refused += 1
                clock.advance(timedelta(minutes=1))
                raise StoreUnavailableError("away")
            await super().add(counts)

    clock, tally = ManualClock(NOW), Tally()
    keeper = TallyKeeper(tally, Away(store.database), clock, pause_seconds=0.01)
    tally.finished("a", Priority.HIGH, Status.FAILED)
    await keeper.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await totals(store, Span.MINUTE):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
    await keeper.stop()

    assert await totals(store, Span.MINUTE, MINUTE) == {tallied(FAILED, 1)}
    assert await totals(store, Span.MINUTE, MINUTE + timedelta(minutes=1)) == set()
