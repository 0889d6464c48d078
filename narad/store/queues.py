"""Queues: which there are, what waits in them, and which are paused.

A queue is only a name that tasks, handlers and workers use; it has a row while it is paused. What is counted is counted
by the index of waiting tasks, up to a limit, so that the answer costs the same with a thousand and with a million.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    Row,
    Select,
    Text,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    union,
)
from sqlalchemy.dialects import postgresql, sqlite

from narad.domain.fleet import MOST_COUNTED, Count, LaneStatus, QueueStatus
from narad.domain.status import BY_URGENCY, Priority
from narad.store.conditions import IS_RUNNING, IS_WAITING, has_priority
from narad.store.database import Database, Rows
from narad.store.dialects import rows_of
from narad.store.tables import handlers, queues, tasks
from narad.store.types import UTCDateTime

MOST_QUEUES = 1_000
"""Names of queues that a request may look at."""
_LIMIT: ColumnElement[int] = literal_column(str(MOST_COUNTED + 1))
"""Written out, so that the planner knows that few rows are wanted."""
_now = bindparam("now", type_=UTCDateTime())


def _next_waiting(*conditions: ColumnElement[bool]) -> Select[str]:
    """The first name that a waiting task has: one look into the index."""
    first = select(tasks.c.queue).where(IS_WAITING, *conditions).order_by(tasks.c.queue).limit(literal_column("1"))
    return select(first.scalar_subquery().label("queue"))


# From name to name by the index: reading every waiting task to find a handful of names would take too long.
_waiting = _next_waiting().cte("waiting", recursive=True)
_waiting = _waiting.union_all(
    select(
        select(tasks.c.queue)
        .where(IS_WAITING, tasks.c.queue > _waiting.c.queue)
        .order_by(tasks.c.queue)
        .limit(literal_column("1"))
        .correlate(_waiting)
        .scalar_subquery()
    ).where(_waiting.c.queue.is_not(None))
)
SOME_WAITING = (
    select(_waiting.c.queue.label("name"))
    .where(_waiting.c.queue.is_not(None))
    .limit(literal_column(str(MOST_QUEUES)))
    .subquery("some_waiting")
)
"""The names of queues in which something waits."""
_some_running = select(tasks.c.queue).where(IS_RUNNING).limit(_LIMIT).subquery("some_running")
_RUNNING = select(_some_running.c.queue, func.count().label("running")).group_by(_some_running.c.queue)
_NAMES = union(
    select(SOME_WAITING.c.name),
    select(_some_running.c.queue),
    select(handlers.c.queue),
    select(queues.c.name),
)

_asked = rows_of("rows", "asked", name=Text())


def _of_lane(priority: Priority, named: FromClause) -> tuple[ColumnElement[bool], ...]:
    return (IS_WAITING, tasks.c.queue == named.c.name, has_priority(priority))


def _number_of(priority: Priority, condition: ColumnElement[bool], label: str) -> ColumnElement[int]:
    some = (
        select(tasks.c.id)
        .where(*_of_lane(priority, _asked), condition)
        .order_by(tasks.c.run_at, tasks.c.id)  # which the index of waiting tasks has, and no other
        .limit(_LIMIT)
        .correlate(_asked)
        .subquery()
    )
    return select(func.count()).select_from(some).correlate(_asked).scalar_subquery().label(label)


def oldest_run_at(priority: Priority, named: FromClause) -> ColumnElement[datetime]:
    """Since when the oldest task of a lane could run, for each queue that is `named`: one look into the index."""
    return (
        select(tasks.c.run_at)
        .where(*_of_lane(priority, named), tasks.c.run_at <= _now)
        .order_by(tasks.c.run_at)
        .limit(literal_column("1"))
        .correlate(named)
        .scalar_subquery()
        .label(f"{priority.lower()}_oldest")
    )


_LANES = select(
    _asked.c.name,
    *(_number_of(p, tasks.c.run_at <= _now, f"{p.lower()}_waiting") for p in BY_URGENCY),
    *(_number_of(p, tasks.c.run_at > _now, f"{p.lower()}_delayed") for p in BY_URGENCY),
    *(oldest_run_at(p, _asked) for p in BY_URGENCY),
    queues.c.paused_at,
    queues.c.reason,
).select_from(_asked.outerjoin(queues, queues.c.name == _asked.c.name))
_OLDEST = select(_asked.c.name, *(oldest_run_at(p, _asked) for p in BY_URGENCY))
_RESUME = delete(queues).where(queues.c.name == bindparam("of_queue"))


class Queues:
    """Queues, to be looked at, paused and resumed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pause = _pausing(database.url.get_backend_name())

    async def names(self) -> Sequence[str]:
        """The names that handlers have, tasks that wait or run, and pauses; those that workers serve are in `Fleet`."""
        return sorted(row.name for row in await self._database.read(_NAMES))

    async def look(self, served: Mapping[str, int], names: Sequence[str], *, now: datetime) -> Sequence[QueueStatus]:
        """How these queues stand; `served` says how many living workers serve each."""
        running = await self._database.read(_RUNNING)
        rows = await self._database.read_in_order(_LANES, {"rows": [{"name": name} for name in names], "now": now})
        return [
            QueueStatus(
                name=row.name,
                lanes={priority: _lane(row, priority) for priority in BY_URGENCY},
                running=_running_in(row.name, running),
                workers=served.get(row.name, 0),
                paused_at=row.paused_at,
                paused_reason=row.reason,
            )
            for row in rows
        ]

    async def oldest(self, names: Sequence[str], *, now: datetime) -> Mapping[tuple[str, Priority], datetime | None]:
        """Since when the oldest task of each lane could run; None where none waits."""
        rows = await self._database.read_in_order(_OLDEST, {"rows": [{"name": name} for name in names], "now": now})
        return {
            (row.name, priority): getattr(row, f"{priority.lower()}_oldest") for row in rows for priority in BY_URGENCY
        }

    async def pause(self, name: str, reason: str | None, *, now: datetime) -> None:
        """Have nothing new started from the queue; of one that is paused already, change the reason."""
        await self._database.run(self._pause, {"of_queue": name, "why": reason, "now": now})

    async def resume(self, name: str) -> None:
        """Have tasks of the queue started again."""
        await self._database.run(_RESUME, {"of_queue": name})


def _pausing(dialect_name: str) -> Executable:
    insert = sqlite.insert(queues) if dialect_name == "sqlite" else postgresql.insert(queues)
    row = insert.values(name=bindparam("of_queue", type_=Text()), paused_at=_now, reason=bindparam("why", type_=Text()))
    return row.on_conflict_do_update(index_elements=["name"], set_={"reason": row.excluded.reason})


def _lane(row: Row[Any], priority: Priority) -> LaneStatus:
    column = priority.lower()
    return LaneStatus(
        waiting=Count.capped(getattr(row, f"{column}_waiting")),
        delayed=Count.capped(getattr(row, f"{column}_delayed")),
        oldest_run_at=getattr(row, f"{column}_oldest"),
    )


def _running_in(name: str, running: Rows) -> Count:
    """Where more run in all than were counted, there may be more of each queue."""
    found = {row.queue: row.running for row in running}
    is_whole = sum(found.values()) <= MOST_COUNTED
    return Count(found.get(name, 0), "eq" if is_whole else "gte")
