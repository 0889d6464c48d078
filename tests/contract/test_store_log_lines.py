"""Log lines: kept once, read in order and in portions, and gone with their task."""

from datetime import timedelta

import pytest

from narad.domain.log_line import LONGEST_LINE, LogLevel, LogLine
from narad.domain.task import NewTask
from narad.ids import first_id_at, new_id
from narad.store.store import Store
from tests.support.tasks import NOW, completed, log_line, new_task

DAY = timedelta(days=1)


async def stored(store: Store, **fields: object) -> NewTask:
    task = new_task(**fields)
    await store.tasks.insert([task])
    return task


async def ended(store: Store, **fields: object) -> NewTask:
    task = await stored(store, **fields)
    (claimed,) = await store.attempts.claim([task.id], worker_id=new_id(), now=task.created_at)
    assert await store.attempts.finish([completed(claimed, at=task.created_at)], now=task.created_at) == [True]
    return task


async def test_lines_of_many_tasks_are_kept_with_one_call_and_read_by_task_as_they_were(store: Store) -> None:
    one, other = await stored(store), await stored(store)
    awkward = "“Ж”\n\t\\ {\"a\": null} 'x' \\x00 🦀" + "x" * LONGEST_LINE
    lines = [log_line(one.id, 1, awkward), log_line(other.id, 1, ""), log_line(one.id, 2)]

    await store.log_lines.add(lines)

    assert await store.log_lines.read(one.id, 10) == [lines[0], lines[2]]
    assert await store.log_lines.read(other.id, 10) == [lines[1]]


@pytest.mark.parametrize("level", LogLevel)
async def test_each_level_comes_back(store: Store, level: LogLevel) -> None:
    task = await stored(store)
    said = LogLine(task_id=task.id, attempt=1, number=1, at=NOW, level=level, message="x")

    await store.log_lines.add([said])

    assert await store.log_lines.read(task.id, 1) == [said]


async def test_lines_are_read_in_portions_by_attempt_and_number_or_from_the_end(store: Store) -> None:
    task = await stored(store)
    places = [(attempt, number) for attempt in (1, 2, 10) for number in (1, 2, 11)]
    await store.log_lines.add([log_line(task.id, number, attempt=attempt) for attempt, number in reversed(places)])

    read: list[tuple[int, int]] = []
    while portion := await store.log_lines.read(task.id, 2, after=read[-1] if read else (0, 0)):
        assert len(portion) <= 2
        read += [(one.attempt, one.number) for one in portion]

    assert read == places
    latest = [(one.attempt, one.number) for one in await store.log_lines.latest(task.id, 4)]
    assert latest == places[-4:]


async def test_lines_that_are_kept_already_stay_as_they_are(store: Store) -> None:
    task = await stored(store)
    first = log_line(task.id, 1, "first")
    await store.log_lines.add([first])

    await store.log_lines.add([log_line(task.id, 1, "again"), log_line(task.id, 2, "second")])

    assert [one.message for one in await store.log_lines.read(task.id, 10)] == ["first", "second"]


async def test_lines_of_tasks_that_are_not_there_are_left_out(store: Store) -> None:
    task, nobody = await stored(store), new_id()

    await store.log_lines.add([log_line(nobody, 1), log_line(task.id, 1)])

    assert await store.log_lines.read(nobody, 10) == []
    assert len(await store.log_lines.read(task.id, 10)) == 1


async def test_lines_are_removed_with_a_task_whose_time_is_over(store: Store) -> None:
    at = NOW - 20 * DAY
    old, young = await ended(store, id=first_id_at(at), created_at=at), await ended(store)
    await store.log_lines.add([log_line(old.id, 1), log_line(young.id, 1)])

    assert await store.retention.prune_tasks(10, before=NOW - 10 * DAY) == 1

    assert await store.log_lines.read(old.id, 10) == []
    assert len(await store.log_lines.read(young.id, 10)) == 1
