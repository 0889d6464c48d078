"""Conditions on the status of a row, with the codes written out.

Bound as a parameter a status would hide the partial indexes from a generic plan, which then reads the whole table.
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, literal_column

from narad.domain.status import WAITING, Priority, Status
from narad.store.tables import tasks
from narad.store.types import code_of


def coded(status: Status) -> ColumnElement[Status]:
    """The status as a constant of a statement."""
    return literal_column(str(code_of(status)), tasks.c.status.type)


def has_status(*statuses: Status) -> ColumnElement[bool]:
    """Whether the row has one of the statuses."""
    return _codes(statuses)


def has_priority(priority: Priority) -> ColumnElement[bool]:
    """Whether the row has the priority."""
    return tasks.c.priority == literal_column(str(code_of(priority)))


def _codes(statuses: Iterable[Status]) -> ColumnElement[bool]:
    codes = sorted(code_of(status) for status in statuses)
    if len(codes) == 1:
        return tasks.c.status == literal_column(str(codes[0]))
    return tasks.c.status.in_([literal_column(str(code)) for code in codes])


IS_WAITING = has_status(*WAITING)
IS_RUNNING = has_status(Status.IN_PROGRESS)
