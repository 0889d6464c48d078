"""The orders of a list, and the segments that each is read in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, cast
from uuid import UUID

from sqlalchemy import ColumnElement

from narad.domain.status import BY_URGENCY, FINAL, Priority, Status
from narad.domain.task import TaskSummary
from narad.store.conditions import has_priority
from narad.store.dialects import by_code_point
from narad.store.tables import tasks

Key: TypeAlias = datetime | Priority | str | None


class SortKey(StrEnum):
    """What a list can be sorted by."""

    CREATED_AT = "created_at"
    STARTED_AT = "started_at"
    FINISHED_AT = "finished_at"
    PRIORITY = "priority"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a task in an order: its id, and its key where the id does not tell it."""

    id: UUID
    key: Key = None


@dataclass(frozen=True, slots=True)
class Order:
    """By what a list is sorted, and then by id in the same direction. Tasks that lack the key come last in either.

    The time of creation is that in the id, which the primary key has in order.
    """

    key: SortKey = SortKey.CREATED_AT
    descending: bool = True

    @property
    def is_walked(self) -> bool:
        """Whether indexes have all tasks in this order, so that a look may end anywhere and go on there."""
        return self.key in {SortKey.CREATED_AT, SortKey.FINISHED_AT}

    def position_of(self, task: TaskSummary) -> Position:
        """Where the task stands in this order."""
        if self.key is SortKey.CREATED_AT:
            return Position(task.id)
        return Position(task.id, cast("Key", getattr(task, self.key)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """A stretch of a list that is sorted by a column and the id, or by the id alone.

    Segments follow one another, so that each can be read along an index, and so that tasks without a key come last
    whatever a database thinks of NULL. `statuses` are those that tasks of this segment can have.
    """

    column: ColumnElement[Any] | None = None
    condition: ColumnElement[bool] | None = None
    statuses: frozenset[Status] = frozenset(Status)
    priority: Priority | None = None


def segments(order: Order) -> Sequence[Segment]:
    """The segments of an order, the first one first."""
    match order.key:
        case SortKey.CREATED_AT:
            return (Segment(),)
        case SortKey.NAME:
            return (Segment(column=by_code_point(tasks.c.name)),)
        case SortKey.PRIORITY:
            return [Segment(condition=has_priority(one), priority=one) for one in _priorities(order)]
        case SortKey.STARTED_AT:
            column = tasks.c.started_at
            return Segment(column=column, condition=column.is_not(None)), Segment(condition=column.is_(None))
        case SortKey.FINISHED_AT:
            column = tasks.c.finished_at
            return (
                Segment(column=column, condition=column.is_not(None), statuses=FINAL),
                Segment(condition=column.is_(None), statuses=frozenset(Status) - FINAL),
            )


def segment_of(order: Order, position: Position) -> int:
    """The number of the segment that the position is in."""
    match order.key:
        case SortKey.PRIORITY:
            return _priorities(order).index(cast("Priority", position.key))
        case SortKey.STARTED_AT | SortKey.FINISHED_AT:
            return int(position.key is None)
        case _:
            return 0


def _priorities(order: Order) -> Sequence[Priority]:
    return BY_URGENCY if order.descending else BY_URGENCY[::-1]
