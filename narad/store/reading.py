"""Statements for a stretch of a list, each along an index wherever there is one."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal, select, tuple_, union_all

from narad.domain.status import Status
from narad.store.conditions import coded
from narad.store.filters import TaskFilter, conditions, id_bounds
from narad.store.order import Position, Segment
from narad.store.tables import tasks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A look at one segment of a list, from a position on where there is one."""

    segment: Segment
    start: Position | None
    descending: bool
    limit: int
    columns: Sequence[ColumnElement[Any]]

    def statement(self, wanted: TaskFilter) -> Select[Any] | None:
        """The statement for it, or None where nothing can match."""
        segment = self.segment
        if wanted.priority and segment.priority is not None and segment.priority not in wanted.priority:
            return None
        statuses = segment.statuses & frozenset(wanted.status or Status)
        if not statuses:
            return None
        if segment.column is not None or wanted.id or len(statuses) == len(Status):
            return self._select(wanted)
        # An index has the tasks of each status in the order of their ids; several have to be merged.
        any_status = dataclasses.replace(wanted, status=())
        every = [self._select(any_status, status) for status in sorted(statuses)]
        return every[0] if len(every) == 1 else self._merged(every)

    def _select(self, wanted: TaskFilter, status: Status | None = None) -> Select[Any]:
        """Tasks in order; where a status is given, those that have it.

        That is asked as a range and sorted by, though it is one value: else any index that is in the order of ids would
        do, and a planner that thinks of matching rows as evenly spread might walk past a million others first.
        """
        where = conditions(wanted)
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
        lead = self.segment.column if status is None else tasks.c.status
        keys = (tasks.c.id,) if lead is None else (lead, tasks.c.id)
        return select(*self.columns).where(*where).order_by(*map(self._directed, keys)).limit(self.limit)

    def _merged(self, every: Sequence[Select[Any]]) -> Select[Any]:
        rows = union_all(*(select(one.subquery()) for one in every)).subquery("listed")
        return select(rows).order_by(self._directed(rows.c.id)).limit(self.limit)

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
