"""What a list promises: the tasks that match, in order, each once, in pages of any size and in either direction."""

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from narad.domain.status import Priority, Status
from narad.domain.task import ListedTask, Part
from narad.errors import QueryTooSlowError
from narad.ids import new_id
from narad.store.deadline import Deadline
from narad.store.filters import TaskFilter
from narad.store.lists import Counted, Span
from narad.store.order import Order, Position, SortKey
from narad.store.store import Store
from tests.support import population
from tests.support.population import CREATED, FINISHED, STARTED, Made, expected, fresh, made, put

ALL = TaskFilter()
NEWEST_FIRST = Order()
ORDERS = [Order(key, descending=descending) for key in SortKey for descending in (False, True)]
SIZE = 70
SLOW = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) FROM n"
)
LIMIT_SECONDS = 0.2
LONGEST_SECONDS = 10.0
DISTURBED_PAGES = 10

# The table is the same for all examples.
on_one_table = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _some(values: Sequence[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple)


_TIMES = st.sampled_from(
    [moment + timedelta(seconds=shift) for moment in (*CREATED, *STARTED, *FINISHED) for shift in (0, 1)]
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "status": _some(list(Status)),
    "priority": _some(list(Priority)),
    "handler": _some(population.HANDLERS),
    "queue": _some(population.QUEUES),
    "worker": _some(population.WORKERS),
    "tag": _some(population.TAGS),
    "name": st.sampled_from(["a", "ALPHA", "%", "_", "ä", "\\", ""]),
    "q": st.sampled_from(["alpha", "red", "re", "Red", population.id_at(CREATED[0]).hex[:8]]),
    "error_type": st.sampled_from([*population.ERRORS, "Other"]),
    "has_error": st.booleans(),
} | {f"{what}_{side}": _TIMES for what in ("created", "started", "finished") for side in ("after", "before")}


@st.composite
def filters(draw: st.DrawFn) -> TaskFilter:
    """A filter of a few fields: with all of them nothing would be left."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3, unique=True))
    return TaskFilter(**{name: draw(FIELDS[name]) for name in names})


@pytest.fixture
async def table(store: Store) -> list[Made]:
    """Tasks of all kinds, in the store."""
    randomly = random.Random(1)
    everything = [made(randomly) for _ in range(SIZE)]
    await put(store, everything)
    return everything


async def page(store: Store, wanted: TaskFilter, order: Order, span: Span) -> Sequence[ListedTask]:
    found = await store.lists.page(wanted, order, span, store.lists.deadline())
    assert len(found) <= span.limit
    return found


async def walked(store: Store, wanted: TaskFilter, order: Order, limit: int) -> list[ListedTask]:
    """The list, page after page."""
    seen = list(await page(store, wanted, order, Span(limit=limit)))
    while seen and (more := await page(store, wanted, order, Span(limit=limit, after=order.position_of(seen[-1])))):
        seen += more
    return seen


async def walked_back(
    store: Store, wanted: TaskFilter, order: Order, limit: int, start: ListedTask
) -> list[ListedTask]:
    """What is before a task, page before page, in the order of the list."""
    seen = [start]
    while more := await page(store, wanted, order, Span(limit=limit, before=order.position_of(seen[0]))):
        seen = [*more, *seen]
    return seen[:-1]


async def looked_through(
    store: Store, wanted: TaskFilter, order: Order, limit: int, rows: int, start: Position | None = None
) -> list[UUID]:
    """The list, look after look at a few rows, on from the end of each; or back from a position."""
    seen: list[UUID] = []
    place, backwards = start, start is not None
    while True:
        span = Span(limit=limit, before=place) if backwards else Span(limit=limit, after=place)
        look = await store.lists.look(wanted, order, span, store.lists.deadline(), rows=rows)
        assert len(look.tasks) <= limit
        seen = [*ids(look.tasks), *seen] if backwards else [*seen, *ids(look.tasks)]
        if len(look.tasks) == limit:
            place = order.position_of(look.tasks[0 if backwards else -1])
        elif look.end is not None:
            place = look.end
        else:
            return seen


def last_of_each(seen: Sequence[UUID]) -> list[UUID]:
    """Each once, where it was met last."""
    return list(dict.fromkeys(reversed(seen)))[::-1]


def ids(found: Sequence[ListedTask]) -> list[UUID]:
    return [task.id for task in found]


@on_one_table
@given(wanted=filters(), order=st.sampled_from(ORDERS), limit=st.integers(1, 40))
async def test_pages_are_those_of_a_sorted_list_in_both_directions(
    store: Store, table: list[Made], wanted: TaskFilter, order: Order, limit: int
) -> None:
    whole = expected(table, wanted, order)

    seen = await walked(store, wanted, order, limit)

    assert ids(seen) == whole
    if seen:
        assert ids(await walked_back(store, wanted, order, limit, seen[-1])) == whole[:-1]
    assert await store.lists.count(wanted, store.lists.deadline(), most=1_000) == len(whole)


@settings(on_one_table, max_examples=50)
@given(wanted=filters(), order=st.sampled_from(ORDERS), limit=st.integers(2, 40), rows=st.integers(6, 30))
async def test_looks_that_end_early_meet_all_that_matches_when_they_go_on(
    store: Store, table: list[Made], wanted: TaskFilter, order: Order, limit: int, rows: int
) -> None:
    whole = expected(table, wanted, order)

    seen = await looked_through(store, wanted, order, limit, rows)

    assert last_of_each(seen) == whole
    if wanted.q is None:
        assert seen == whole
    if whole:
        (last,) = [one.task for one in table if one.task.id == whole[-1]]
        assert await looked_through(store, wanted, order, limit, rows, order.position_of(last)) == whole[:-1]
    counted = await store.lists.count_among(wanted, store.lists.deadline(), most=1_000, rows=rows)
    assert counted.value <= len(whole)
    assert counted.ended_early or counted.value == len(whole)


@pytest.mark.parametrize("order", [NEWEST_FIRST, Order(SortKey.FINISHED_AT)], ids=str)
async def test_a_look_ends_after_so_many_rows(store: Store, table: list[Made], order: Order) -> None:
    nobody = TaskFilter(handler=("nobody",))

    look = await store.lists.look(nobody, order, Span(limit=5), store.lists.deadline(), rows=20)
    counted = await store.lists.count_among(TaskFilter(name=""), store.lists.deadline(), most=1_000, rows=20)

    row = 20 if order == NEWEST_FIRST else 10  # half of them for what has not ended
    there = expected(table, ALL, order)[row - 1]
    assert look.tasks == []
    assert look.end is not None
    assert look.end.id == there
    assert counted == Counted(20, ended_early=True)


async def test_a_task_sought_by_its_id_is_found_at_once(store: Store, table: list[Made]) -> None:
    oldest = expected(table, ALL, NEWEST_FIRST)[-1]

    look = await store.lists.look(
        TaskFilter(q=oldest.hex), NEWEST_FIRST, Span(limit=5), store.lists.deadline(), rows=20
    )

    assert ids(look.tasks) == [oldest]
    assert look.end is not None


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("limit", [2, 7])
async def test_tasks_created_meanwhile_are_shown_once_at_most_and_hide_no_other(
    store: Store, table: list[Made], order: Order, limit: int
) -> None:
    seen: list[UUID] = []
    span = Span(limit=limit)
    pages = 0
    while found := await page(store, ALL, order, span):
        pages += 1
        seen += ids(found)
        if pages <= DISTURBED_PAGES:
            await put(store, [fresh() for _ in range(3)])
        span = Span(limit=limit, after=order.position_of(found[-1]))

    there_from_the_start = {one.task.id for one in table}
    assert len(seen) == len(set(seen))
    assert [one for one in seen if one in there_from_the_start] == expected(table, ALL, order)


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_on_the_way_back_new_tasks_hide_none_either(store: Store, table: list[Made], order: Order) -> None:
    whole = expected(table, ALL, order)
    (last,) = [one.task for one in table if one.task.id == whole[-1]]
    seen: list[UUID] = []
    start = last
    pages = 0
    while found := await page(store, ALL, order, Span(limit=6, before=order.position_of(start))):
        pages += 1
        seen = [*ids(found), *seen]
        if pages <= DISTURBED_PAGES:
            await put(store, [fresh() for _ in range(3)])
        start = found[0]

    assert len(seen) == len(set(seen))
    assert [one for one in seen if one in set(whole)] == whole[:-1]


async def test_each_time_alone_shows_what_matches_and_nothing_else(store: Store, table: list[Made]) -> None:
    names = [name for name in FIELDS if name.endswith(("_after", "_before"))]
    every: list[dict[str, Any]] = [{name: time} for name in names for time in (*CREATED, *STARTED, *FINISHED)]
    for fields in every:
        wanted = TaskFilter(**fields)
        found = await page(store, wanted, NEWEST_FIRST, Span(limit=SIZE))
        assert ids(found) == expected(table, wanted, NEWEST_FIRST), wanted


async def test_names_are_compared_by_code_point_whatever_the_language(store: Store, table: list[Made]) -> None:
    if not store.database.is_sqlite:
        async with store.database.transaction() as connection:
            await connection.execute(text('ALTER TABLE tasks ALTER COLUMN name TYPE text COLLATE "und-x-icu"'))
    order = Order(SortKey.NAME, descending=False)

    assert ids(await walked(store, ALL, order, 7)) == expected(table, ALL, order)


async def test_a_list_of_ids_holds_those_that_are_there(store: Store, table: list[Made]) -> None:
    some = tuple(one.task.id for one in table[::2])

    found = await page(store, TaskFilter(id=(*some, new_id())), NEWEST_FIRST, Span(limit=SIZE))

    assert ids(found) == sorted(some, reverse=True)


@pytest.mark.parametrize("digits", [8, 12, 31, 32])
@pytest.mark.parametrize("dashed", [False, True])
async def test_q_finds_an_id_by_its_beginning(store: Store, table: list[Made], digits: int, dashed: bool) -> None:  # noqa: FBT001 - a parameter
    sought = table[3].task.id
    beginning = sought.hex[:digits]
    if dashed:
        beginning = f"{beginning[:8]}-{beginning[8:]}"

    for q in (beginning, beginning.upper()):
        wanted = TaskFilter(q=q)
        found = ids(await page(store, wanted, NEWEST_FIRST, Span(limit=SIZE)))
        assert sought in found
        assert found == expected(table, wanted, NEWEST_FIRST)


async def test_less_than_eight_digits_are_no_id(store: Store, table: list[Made]) -> None:
    assert not await page(store, TaskFilter(q=table[3].task.id.hex[:7]), NEWEST_FIRST, Span(limit=1))


async def test_what_may_be_large_comes_only_when_asked_for(store: Store, table: list[Made]) -> None:
    rows = {one.task.id: one for one in table}
    for parts in ((), (Part.PAYLOAD,), (Part.RESULT,), (Part.TRACEBACK,), tuple(Part)):
        found = await store.lists.page(ALL, NEWEST_FIRST, Span(limit=SIZE), store.lists.deadline(), parts=parts)
        assert len(found) == SIZE
        for task in found:
            row = rows[task.id]
            assert task.payload == (row.payload if Part.PAYLOAD in parts else None)
            assert task.result == (row.result if Part.RESULT in parts else None)
            assert (task.error is None) is (row.task.error is None)
            if task.error is not None and row.task.error is not None:
                assert task.error.type == row.task.error.type
                assert task.error.traceback == (row.task.error.traceback if Part.TRACEBACK in parts else None)


async def test_a_list_of_several_statuses_brings_the_same_values(store: Store, table: list[Made]) -> None:
    statuses = (Status.FAILED, Status.COMPLETED)
    wanted = TaskFilter(status=statuses)
    merged = await store.lists.page(wanted, NEWEST_FIRST, Span(limit=SIZE), store.lists.deadline(), parts=tuple(Part))
    plain = await store.lists.page(ALL, NEWEST_FIRST, Span(limit=SIZE), store.lists.deadline(), parts=tuple(Part))

    assert list(merged) == [task for task in plain if task.status in statuses]


async def test_a_count_ends_where_it_is_told_to(store: Store, table: list[Made]) -> None:
    assert await store.lists.count(ALL, store.lists.deadline(), most=SIZE - 1) == SIZE - 1
    assert await store.lists.count(ALL, store.lists.deadline(), most=SIZE + 1) == SIZE


async def test_what_takes_too_long_is_given_up_by_the_database_and_the_connection_stays_usable(store: Store) -> None:
    begin = time.monotonic()

    for _ in range(3):
        with pytest.raises(QueryTooSlowError):
            await store.database.read_built(SLOW, deadline=Deadline(LIMIT_SECONDS))

    assert time.monotonic() - begin < LONGEST_SECONDS
    assert (await store.database.read_built(text("SELECT 1"), deadline=Deadline(LONGEST_SECONDS)))[0][0] == 1
    # What follows on the same connections has no limit of theirs.
    assert await store.database.read_built(text("SELECT 1"))


async def test_a_deadline_holds_for_all_statements_together(store: Store) -> None:
    deadline = Deadline(LIMIT_SECONDS)
    with pytest.raises(QueryTooSlowError):
        await store.database.read_built(SLOW, deadline=deadline)

    with pytest.raises(QueryTooSlowError):
        await store.database.read_built(text("SELECT 1"), deadline=deadline)
