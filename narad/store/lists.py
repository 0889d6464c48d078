"""Lists of tasks: a page in any order, from any position, in either direction; and how many there are."""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select, union_all

from narad.domain.task import ListedTask, Part
from narad.store.database import Database
from narad.store.deadline import Deadline
from narad.store.filters import TaskFilter, conditions, id_conditions, ids_beginning, is_sought
from narad.store.order import Order, Position, Segment, segment_of, segments
from narad.store.reading import Reading
from narad.store.rows import listed_columns, to_listed
from narad.store.tables import tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What of a list is asked for: the first tasks, or those right `after` a position, or right `before` one."""

    limit: int
    after: Position | None = None
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found, in order; and where it ended, if it did so before it had found enough: there may be more."""

    tasks: Sequence[ListedTask]
    end: Position | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many tasks were counted, and whether the count ended before it had met all."""

    value: int
    ended_early: bool = False


class Lists:
    """Pages of tasks by filter and order, each within a time limit."""

    def __init__(self, database: Database, *, timeout_seconds: float) -> None:
        self._database = database
        self._timeout_seconds = timeout_seconds

    def deadline(self) -> Deadline:
        """The time limit of a request that begins now."""
        return Deadline(self._timeout_seconds)

    async def page(
        self, wanted: TaskFilter, order: Order, span: Span, deadline: Deadline, *, parts: Collection[Part] = ()
    ) -> Sequence[ListedTask]:
        """The tasks of a span, in order, with those `parts` that are else left out.

        Raises:
            QueryTooSlowError: the deadline came first.
        """
        return (await self.look(wanted, order, span, deadline, parts=parts)).tasks

    async def look(
        self,
        wanted: TaskFilter,
        order: Order,
        span: Span,
        deadline: Deadline,
        *,
        parts: Collection[Part] = (),
        rows: int | None = None,
    ) -> Look:
        """The same among the next so many `rows` of the table at most, where indexes have them in this order.

        Tasks that are sought by the beginning of their id are found for the first page wherever they are, and stand
        after the others; on the page of their own place they are met again.

        Raises:
            QueryTooSlowError: the deadline came first.
        """
        columns = listed_columns(parts)
        way = _way(order, span)
        share = rows // len(way) if rows is not None and order.is_walked and is_sought(wanted) else None
        found: list[ListedTask] = []
        end: Position | None = None
        for segment, start in way:
            reading = Reading(
                segment=segment,
                start=start,
                descending=order.descending is not (span.before is not None),
                limit=span.limit - len(found),
                columns=columns,
            )
            if share is not None:
                end = await self._end(reading, wanted, deadline, share)
            found += await self._read(dataclasses.replace(reading, end=end).statement(wanted), deadline)
            if end is not None or len(found) == span.limit:
                break
        if len(found) == span.limit:
            end = None
        elif end is not None and way[0][1] is None:
            found += (await self._beginning_so(wanted, deadline, columns, found, span))[: span.limit - 1 - len(found)]
        return Look(found if span.before is None else found[::-1], end)

    async def count(self, wanted: TaskFilter, deadline: Deadline, *, most: int) -> int:
        """How many tasks there are, counted up to `most`.

        Raises:
            QueryTooSlowError: the deadline came first.
        """
        where = [*conditions(wanted), *id_conditions(wanted)]
        some: Select[Any] = select(literal_column("1")).select_from(tasks).where(*where).limit(most)
        rows = await self._database.read_built(select(func.count()).select_from(some.subquery()), deadline=deadline)
        counted: int = rows[0][0]
        return counted

    async def count_among(self, wanted: TaskFilter, deadline: Deadline, *, most: int, rows: int) -> Counted:
        """The same among the newest so many `rows`.

        Raises:
            QueryTooSlowError: the deadline came first.
        """
        if not is_sought(wanted):
            return Counted(await self.count(wanted, deadline, most=most))
        newest_first = Reading(segment=Segment(), start=None, descending=True, limit=rows, columns=())
        statements, share = newest_first.tally(rows, wanted)
        tallies = await self._database.read_built(union_all(*statements), deadline=deadline)
        matching = sum(one[0] for one in tallies)
        return Counted(min(matching, most), any(met == share for _, met in tallies))

    async def _end(self, reading: Reading, wanted: TaskFilter, deadline: Deadline, rows: int) -> Position | None:
        """Where a look at so many rows ends; None where there are no more."""
        statement = reading.end_after(rows, wanted)
        found = [] if statement is None else await self._database.read_built(statement, deadline=deadline)
        return Position(*found[0]) if found else None

    async def _read(self, statement: Select[Any] | None, deadline: Deadline) -> list[ListedTask]:
        if statement is None:
            return []
        return [to_listed(row) for row in await self._database.read_built(statement, deadline=deadline)]

    async def _beginning_so(
        self,
        wanted: TaskFilter,
        deadline: Deadline,
        columns: Sequence[ColumnElement[Any]],
        found: Sequence[ListedTask],
        span: Span,
    ) -> list[ListedTask]:
        """Tasks whose id `q` tells the beginning of, without those that were found already."""
        ids = None if wanted.q is None else ids_beginning(wanted.q)
        if ids is None:
            return []
        where = [*conditions(dataclasses.replace(wanted, q=None)), tasks.c.id.between(*ids)]
        statement = select(*columns).where(*where).order_by(tasks.c.id.desc()).limit(span.limit)
        seen = {task.id for task in found}
        return [task for task in await self._read(statement, deadline) if task.id not in seen]


def _way(order: Order, span: Span) -> list[tuple[Segment, Position | None]]:
    """The segments that a span leads through, the first one with the position to start at."""
    start = span.before or span.after
    way = list(segments(order))
    if start is not None:
        number = segment_of(order, start)
        way = way[: number + 1] if span.before else way[number:]
    if span.before is not None:
        way.reverse()
    return [(segment, None if index else start) for index, segment in enumerate(way)]
