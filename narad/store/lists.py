"""Lists of tasks: a page in any order, from any position, in either direction; and how many there are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal_column, select

from narad.domain.task import ListedTask, Part
from narad.store.database import Database
from narad.store.deadline import Deadline
from narad.store.filters import TaskFilter, conditions, id_conditions
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
        backwards = span.before is not None
        columns = listed_columns(parts)
        found: list[ListedTask] = []
        for segment, start in _way(order, span):
            reading = Reading(
                segment=segment,
                start=start,
                descending=order.descending is not backwards,
                limit=span.limit - len(found),
                columns=columns,
            )
            statement = reading.statement(wanted)
            if statement is not None:
                rows = await self._database.read_built(statement, deadline=deadline)
                found += [to_listed(row) for row in rows]
            if len(found) == span.limit:
                break
        return found[::-1] if backwards else found

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
