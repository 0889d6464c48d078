"""Which tasks are meant: a filter as a value, and as conditions of a statement."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, and_, literal, literal_column, or_, select

from narad.domain.status import Priority, Status
from narad.ids import first_id_at
from narad.store.conditions import has_status
from narad.store.dialects import has_tag, in_select, is_one_of
from narad.store.tables import tasks

CLOCK_SLACK = timedelta(hours=1)
"""How far the clock that an id was made by may be from that of the database, which tells `created_at`."""

_SHORTEST_PART = 8
_ID_DIGITS = 32
_PART_OF_ID = re.compile(rf"[0-9a-f]{{{_SHORTEST_PART},{_ID_DIGITS}}}", re.IGNORECASE)
_child = tasks.alias("child")
_error_type: ColumnElement[str] = tasks.c.error.op("->>", return_type=Text())(literal_column("'type'"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks are meant. Values of one field are alternatives, fields add up; an empty field asks nothing.

    `…_after` is inclusive, `…_before` exclusive. `name` is a part of the name, its case ignored; `q` is one too, or a
    tag, or an id or its beginning of eight digits or more. `within` are the only handlers whose tasks exist at all.
    """

    id: tuple[UUID, ...] = ()
    status: tuple[Status, ...] = ()
    priority: tuple[Priority, ...] = ()
    handler: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    worker: tuple[UUID, ...] = ()
    parent: tuple[UUID, ...] = ()
    tag: tuple[str, ...] = ()
    name: str | None = None
    q: str | None = None
    error_type: str | None = None
    has_error: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    within: tuple[str, ...] = ()


def conditions(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    """What a row has to be, exactly."""
    return [*_among(wanted), *_texts(wanted), *_times(wanted)]


def id_bounds(wanted: TaskFilter) -> tuple[UUID | None, UUID | None]:
    """What follows for the ids of such rows, since ids grow with time: the least one, and one above all.

    A task is started and finished after it was created.
    """
    earliest = wanted.created_after
    latest = [at for at in (wanted.created_before, wanted.started_before, wanted.finished_before) if at is not None]
    return (
        None if earliest is None else first_id_at(_shifted(earliest, -CLOCK_SLACK)),
        first_id_at(_shifted(min(latest), CLOCK_SLACK)) if latest else None,
    )


def id_conditions(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    """The same as conditions: a way to the rows by the primary key."""
    least, above = id_bounds(wanted)
    lower = [] if least is None else [tasks.c.id >= least]
    return lower if above is None else [*lower, tasks.c.id < above]


def is_sought(wanted: TaskFilter) -> bool:
    """Whether a walk along an index meets rows that do not match: there may be any number of them."""
    if wanted.id or wanted.parent:
        return False
    return wanted != TaskFilter(
        status=wanted.status, created_after=wanted.created_after, created_before=wanted.created_before
    )


def ids_beginning(text: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that are, or begin with, the text; None where it can be no part of an id."""
    digits = text.replace("-", "")
    if not _PART_OF_ID.fullmatch(digits):
        return None
    return UUID(digits.ljust(_ID_DIGITS, "0")), UUID(digits.ljust(_ID_DIGITS, "f"))


def ended_within(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    """What a row has to be by the time at which it ended."""
    return _within(tasks.c.finished_at, wanted.finished_after, wanted.finished_before)


def _among(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    """Values of which a row has one. The statuses are written out, for the sake of the plan."""
    found: list[ColumnElement[bool]] = []
    if wanted.status and len(set(wanted.status)) < len(Status):
        found.append(has_status(*set(wanted.status)))
    if wanted.id:
        found.append(is_one_of(tasks.c.id, wanted.id))
    if wanted.worker:
        found.append(is_one_of(tasks.c.worker_id, wanted.worker))
    if wanted.parent:
        # First the few that there are, by their own index: the planner may else walk past all others in order.
        found.append(in_select(tasks.c.id, select(_child.c.id).where(is_one_of(_child.c.parent_id, wanted.parent))))
    lists: tuple[tuple[ColumnElement[Any], tuple[str, ...]], ...] = (
        (tasks.c.priority, wanted.priority),
        (tasks.c.handler, wanted.handler),
        (tasks.c.handler, wanted.within),
        (tasks.c.queue, wanted.queue),
    )
    found += [column.in_(values) for column, values in lists if values]
    if wanted.tag:
        found.append(or_(*(has_tag(tasks.c.tags, literal(tag)) for tag in wanted.tag)))
    return found


def _texts(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.name is not None:
        found.append(_is_named(wanted.name))
    if wanted.q is not None:
        found.append(or_(_is_named(wanted.q), has_tag(tasks.c.tags, literal(wanted.q)), *_has_id(wanted.q)))
    if wanted.error_type is not None:
        found.append(_error_type == wanted.error_type)
    if wanted.has_error is not None:
        found.append(tasks.c.error.is_not(None) if wanted.has_error else tasks.c.error.is_(None))
    return found


def _times(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    return [
        *_within(tasks.c.created_at, wanted.created_after, wanted.created_before),
        *_within(tasks.c.started_at, wanted.started_after, wanted.started_before),
        *ended_within(wanted),
    ]


def _within(
    column: ColumnElement[datetime], after: datetime | None, before: datetime | None
) -> list[ColumnElement[bool]]:
    lower = [] if after is None else [column >= after]
    return lower if before is None else [*lower, column < before]


def _is_named(part: str) -> ColumnElement[bool]:
    return tasks.c.name.icontains(part, autoescape=True)


def _has_id(text: str) -> list[ColumnElement[bool]]:
    """Whether the id is, or begins with, the text, where it can be one."""
    ids = ids_beginning(text)
    if ids is None:
        return []
    first, last = ids
    return [and_(tasks.c.id >= literal(first, Uuid()), tasks.c.id <= literal(last, Uuid()))]


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment
