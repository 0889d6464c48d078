"""Statements for a stretch of a list, each along an index wherever there is one, and for its end."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, not_, select, true, tuple_, union_all

from narad.domain.status import Status
from narad.store.conditions import coded
from narad.store.filters import TaskFilter, conditions, ended_within, id_bounds
from narad.store.order import Position, Segment
from narad.store.tables import tasks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A look at one segment of a list, from a position on where there is one, and no further than to its `end`."""

    segment: Segment
    start: Position | None
    descending: bool
    limit: int
    columns: Sequence[ColumnElement[Any]]
    end: Position | None = None

    def statement(self, wanted: TaskFilter) -> Select[Any] | None:
        """The statement for it, or None where nothing can match."""
        every = [
            self._walk(select(*self.columns).where(*conditions(one)).limit(self.limit), one, status)
            for one, status in self._ways(wanted)
        ]
        return self._merged(every, self.limit)

    def end_after(self, rows: int, wanted: TaskFilter) -> Select[Any] | None:
        """The id, and the `key` where there is one, of the last of so many rows that it would meet, matching or not.

        That reads an index alone, and costs little beside the look itself.
        """
        key = [] if self.segment.column is None else [self.segment.column.label("key")]
        ways = self._ways(wanted)
        some = select(tasks.c.id, *key).where(*self._on_the_way(wanted)).offset(_share(rows, ways) - 1).limit(1)
        return self._merged([self._walk(some, one, status) for one, status in ways], 1)

    def tally(self, rows: int, wanted: TaskFilter) -> tuple[Sequence[Select[int, int]], int]:
        """Statements that count what matches and what they met, each of a share of so many rows; and that share."""
        ways = self._ways(wanted)
        share = _share(rows, ways)
        found: list[Select[int, int]] = []
        for one, status in ways:
            matching = case((and_(true(), *conditions(one)), 1)).label("matching")
            met = self._walk(select(matching).where(*self._on_the_way(one)).limit(share), one, status).subquery()
            found.append(select(func.count(met.c.matching), func.count()).select_from(met))
        return found, share

    def _ways(self, wanted: TaskFilter) -> Sequence[tuple[TaskFilter, Status | None]]:
        """Along what it is read: everything at once, or what has each status, which then needs no other condition."""
        segment = self.segment
        if wanted.priority and segment.priority is not None and segment.priority not in wanted.priority:
            return []
        statuses = segment.statuses & frozenset(wanted.status or Status)
        if statuses and (segment.column is not None or wanted.id or wanted.parent or len(statuses) == len(Status)):
            return [(wanted, None)]
        # An index has the tasks of each status in the order of their ids; several have to be merged.
        any_status = dataclasses.replace(wanted, status=())
        return [(any_status, status) for status in sorted(statuses)]

    def _walk(self, some: Select[Any], wanted: TaskFilter, status: Status | None) -> Select[Any]:
        """The selected tasks in order; where a status is given, those that have it.

        That is asked as a range and sorted by, though it is one value: else any index that is in the order of ids would
        do, and a planner that thinks of matching rows as evenly spread might walk past a million others first.
        """
        where: list[ColumnElement[bool]] = []
        if self.segment.condition is not None:
            where.append(self.segment.condition)
        if status is not None:
            where.append(tasks.c.status.between(coded(status), coded(status)))
        least, above = id_bounds(wanted)
        if least is not None:
            where.append(_place(status) >= _place_at(status, least))
        if above is not None:
            where.append(_place(status) < _place_at(status, above))
        if self.start is not None:
            where.append(self._beyond(self.start, status))
        if self.end is not None:
            where.append(not_(self._beyond(self.end, status)))
        lead = self.segment.column if status is None else tasks.c.status
        keys = (tasks.c.id,) if lead is None else (lead, tasks.c.id)
        return some.where(*where).order_by(*map(self._directed, keys))

    def _on_the_way(self, wanted: TaskFilter) -> Sequence[ColumnElement[bool]]:
        """What an index tells of the rows that match; the time at which a task ended is the one column of a walk."""
        return [] if self.segment.column is None else ended_within(wanted)

    def _merged(self, every: Sequence[Select[Any]], limit: int) -> Select[Any] | None:
        if len(every) <= 1:
            return every[0] if every else None
        rows = union_all(*(select(one.subquery()) for one in every)).subquery("listed")
        return select(rows).order_by(self._directed(rows.c.id)).limit(limit)

    def _beyond(self, start: Position, status: Status | None) -> ColumnElement[bool]:
        here, there = _place(status), _place_at(status, start.id)
        if self.segment.column is not None:
            here = tuple_(self.segment.column, tasks.c.id)
            there = tuple_(literal(start.key, self.segment.column.type), literal(start.id, tasks.c.id.type))
        return here < there if self.descending else here > there

    def _directed(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        return key.desc() if self.descending else key.asc()


def _place(status: Status | None) -> ColumnElement[Any]:
    """Where a row is among all, or in the index of those of a status."""
    return tasks.c.id if status is None else tuple_(tasks.c.status, tasks.c.id)


def _place_at(status: Status | None, task_id: UUID) -> ColumnElement[Any]:
    """The same of an id."""
    value = literal(task_id, tasks.c.id.type)
    return value if status is None else tuple_(coded(status), value)


def _share(rows: int, ways: Sequence[object]) -> int:
    """How many of the rows each way may meet."""
    return max(1, rows // max(1, len(ways)))
