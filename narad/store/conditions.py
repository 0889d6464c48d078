"""Conditions on the status of a row, with the codes written out.

Bound as a parameter a status would hide the partial indexes from a generic plan, which then reads the whole table.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, SmallInteger, literal_column, type_coerce

from narad.domain.status import WAITING, Priority, Status
from narad.store.tables import tasks
from narad.store.types import code_of


def coded(status: Status) -> ColumnElement[Status]:
    """The status as a constant of a statement."""
    return literal_column(str(code_of(status)), tasks.c.status.type)


def has_status(*statuses: Status) -> ColumnElement[bool]:
    """Whether the row has one of the statuses."""
    return _is_one_of(tasks.c.status, statuses)


def still_has_status(*statuses: Status) -> ColumnElement[bool]:
    """The same for rows that are looked up by id, in words that no index serves.

    The planner would else choose a partial index as long as it knows of few rows in it, keep that plan, and read all
    that waits for each batch of ids.
    """
    return _is_one_of(type_coerce(tasks.c.status, SmallInteger) + literal_column("0"), statuses)


def has_priority(priority: Priority) -> ColumnElement[bool]:
    """Whether the row has the priority."""
    return tasks.c.priority == literal_column(str(code_of(priority)))


def _is_one_of(value: ColumnElement[Any], statuses: Iterable[Status]) -> ColumnElement[bool]:
    codes = sorted(code_of(status) for status in statuses)
    if len(codes) == 1:
        return value == literal_column(str(codes[0]))
    return value.in_([literal_column(str(code)) for code in codes])


IS_WAITING = has_status(*WAITING)
IS_RUNNING = has_status(Status.IN_PROGRESS)
IS_ACTIVE = has_status(*WAITING, Status.IN_PROGRESS)
STILL_WAITING = still_has_status(*WAITING)
STILL_RUNNING = still_has_status(Status.IN_PROGRESS)
