"""How busy the service is: one look at what waits longest, what is due for the relay, and the slots of workers.

Each part is reached by an index and limited, so that it costs the same with a thousand tasks and with a million.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
)

from narad.domain.fleet import LIVING, MOST_COUNTED, Count, RunningTask, ServiceLoad, WorkerState
from narad.domain.status import BY_URGENCY
from narad.store.conditions import IS_RUNNING, IS_WAITING
from narad.store.database import Database
from narad.store.fleet import state_of
from narad.store.queues import SOME_WAITING, oldest_run_at
from narad.store.tables import tasks, workers
from narad.store.types import UTCDateTime

_LEASED = (*LIVING, WorkerState.LOST)
"""The states of workers whose rows have no end yet."""
_now = bindparam("now", type_=UTCDateTime())
_LIMIT: ColumnElement[int] = literal_column(str(MOST_COUNTED + 1))
"""Written out, so that the planner knows that few rows are wanted."""
_SHOWN = [tasks.c[name] for name in ("id", "name", "handler", "started_at")]

_some_due = (
    select(tasks.c.due_at)
    .where(IS_WAITING, tasks.c.due_at <= _now)
    .order_by(tasks.c.due_at)
    .limit(_LIMIT)
    .subquery("some_due")
)
_due = select(func.count().label("due"), func.min(_some_due.c.due_at, type_=UTCDateTime()).label("due_since")).subquery(
    "due"
)

_leased = (
    select(state_of(_now).label("state"), workers.c.concurrency, workers.c.busy)
    .where(workers.c.stopped_at.is_(None))
    .subquery("leased")
)


def _is(*states: WorkerState) -> ColumnElement[bool]:
    return _leased.c.state.in_([literal_column(f"'{state}'", Text()) for state in states])


def _of_living(value: ColumnElement[int], label: str) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(value).filter(_is(*LIVING)), 0), Integer).label(label)


_fleet = select(
    *(func.count().filter(_is(state)).label(state) for state in _LEASED),
    _of_living(_leased.c.busy, "busy"),
    _of_living(_leased.c.concurrency, "slots"),
).subquery("fleet")

_lanes = (
    select(*(oldest_run_at(priority, SOME_WAITING) for priority in BY_URGENCY))
    .select_from(SOME_WAITING)
    .subquery("lanes")
)
_oldest = select(
    *(func.min(column, type_=UTCDateTime()).label(column.name) for column in _lanes.c),
).subquery("oldest")

_any_task = select(tasks.c.id).order_by(tasks.c.id).limit(literal_column("1")).exists()
_LOAD = select(_oldest, _due, _fleet, cast(_any_task, Boolean).label("has_tasks")).select_from(
    _oldest.join(_due, true()).join(_fleet, true())
)
_LONGEST = (
    select(*_SHOWN).where(IS_RUNNING).order_by(tasks.c.started_at, tasks.c.id).limit(bindparam("most", type_=Integer()))
)


class Load:
    """How busy the service is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, *, now: datetime) -> ServiceLoad:
        """What waits, what is due, and how many slots are in use."""
        (row,) = await self._database.read_in_order(_LOAD, {"now": now})
        found: dict[str, Any] = row._asdict()
        return ServiceLoad(
            oldest_run_at={priority: found[f"{priority.lower()}_oldest"] for priority in BY_URGENCY},
            due=Count.capped(row.due),
            due_since=row.due_since,
            workers={state: found[state] for state in _LEASED},
            busy=row.busy,
            slots=row.slots,
            has_tasks=row.has_tasks,
        )

    async def longest_running(self, *, most: int) -> Sequence[RunningTask]:
        """The tasks that have been running longest; no more of them run than there are slots."""
        rows = await self._database.read(_LONGEST, {"most": most})
        return [RunningTask(**row._asdict()) for row in rows]
