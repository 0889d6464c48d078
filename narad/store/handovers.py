"""Hand-overs: the task row is the outbox, and these are the relay's looks at it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, and_, bindparam, case, literal_column, select, update

from narad.domain.status import Priority, Status
from narad.domain.task import HandOver, Lane
from narad.store.conditions import IS_WAITING, STILL_WAITING, has_priority
from narad.store.database import Database
from narad.store.dialects import in_select, plus_seconds, rows_of
from narad.store.tables import tasks
from narad.store.types import UTCDateTime

FIRST_GUARD_SECONDS = 10
LONGEST_GUARD_SECONDS = 900
_DOUBLINGS = 7
"""Doublings of the first guard that still stay below the longest: 10 s times 2**6 is 640 s."""
_MOST_HANDOVERS = 1_000

_now = bindparam("now", type_=UTCDateTime())
_guard_seconds = case(
    (tasks.c.handovers >= _DOUBLINGS, LONGEST_GUARD_SECONDS),
    else_=FIRST_GUARD_SECONDS * literal_column("1").op("<<")(tasks.c.handovers),
)
_due = (
    select(tasks.c.id)
    .where(IS_WAITING, tasks.c.due_at <= _now)
    .order_by(tasks.c.due_at)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_TAKE_DUE = (
    update(tasks)
    .where(in_select(tasks.c.id, select(_due.c.id)))
    .values(
        due_at=plus_seconds(_now, _guard_seconds),
        handovers=case((tasks.c.handovers < _MOST_HANDOVERS, tasks.c.handovers + 1), else_=tasks.c.handovers),
    )
    .returning(tasks.c.id, tasks.c.queue, tasks.c.priority, tasks.c.status, tasks.c.attempt, tasks.c.handovers)
)
# Locked in the order of the ids, as a claim by id does: the two meet often and must not deadlock.
_v = select(*rows_of("rows", "r", id=Uuid(), attempt=Integer()).c).cte("v")
_handed_over = (
    select(tasks.c.id)
    .join(_v, and_(tasks.c.id == _v.c.id, tasks.c.attempt == _v.c.attempt))
    .where(in_select(tasks.c.id, select(_v.c.id)), STILL_WAITING)
    .order_by(tasks.c.id)
    .with_for_update(key_share=True, of=tasks)
    .cte("handed_over")
)
_MARK_PENDING = (
    update(tasks)
    .where(in_select(tasks.c.id, select(_handed_over.c.id)))
    .values(
        status=Status.PENDING,
        due_at=bindparam("guard_until", type_=UTCDateTime()),
        handovers=case((tasks.c.handovers == 0, 1), else_=tasks.c.handovers),
        version=tasks.c.version + 1,
    )
    .returning(tasks.c.id)
)
_lane = (tasks.c.queue == bindparam("of_queue"), tasks.c.run_at <= bindparam("since", type_=UTCDateTime()))


def _waited(priority: Priority) -> Select[UUID]:
    """The ids of tasks of a lane that have waited since long before, and were handed over, the longest first."""
    return (
        select(tasks.c.id)
        .where(IS_WAITING, has_priority(priority), *_lane, tasks.c.handovers > 0)
        .order_by(tasks.c.run_at, tasks.c.id)
        .limit(bindparam("most", type_=Integer()))
    )


_HAS_WAITED = {priority: _waited(priority) for priority in Priority}
_MAKE_LANE_DUE = {
    priority: update(tasks)
    .where(in_select(tasks.c.id, select(_waited(priority).with_for_update(skip_locked=True).cte("lost").c.id)))
    .values(due_at=_now, handovers=0)
    .returning(tasks.c.id)
    for priority in Priority
}
_MAKE_DUE = update(tasks).where(IS_WAITING, tasks.c.due_at.is_(None)).values(due_at=_now, handovers=0)


class HandOvers:
    """Tasks on their way to dispatch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, most: int, *, now: datetime) -> Sequence[HandOver]:
        """Take up to `most` waiting tasks that are due, the longest due first, for handing over.

        Each is due again after a guard time that doubles with every hand-over, so that a message that gets lost is
        sent again and a backlog is not. Other relays skip what this one takes.
        """
        rows = await self._database.run(_TAKE_DUE, {"most": most, "now": now})
        return [HandOver(**row._asdict()) for row in rows]

    async def mark_pending(self, handed_over: Sequence[HandOver], *, guard_until: datetime | None) -> Sequence[UUID]:
        """Mark handed-over tasks PENDING, those that still wait for that very attempt; returns their ids.

        A mark may come late: a task that was claimed and put back meanwhile has its own next time, which stays. With
        `guard_until` the relay looks again at that time; None says that nothing can get lost on the way.
        """
        rows = [{"id": task.id, "attempt": task.attempt} for task in handed_over]
        marked = await self._database.run(_MARK_PENDING, {"rows": rows, "guard_until": guard_until})
        return [row.id for row in marked]

    async def has_waited(self, lane: Lane, *, since: datetime) -> bool:
        """Whether a task of the lane that was handed over could have run since then, and still waits."""
        parameters = {"of_queue": lane.queue, "since": since, "most": 1}
        return bool(await self._database.read(_HAS_WAITED[lane.priority], parameters))

    async def make_lane_due(self, lane: Lane, most: int, *, since: datetime, now: datetime) -> int:
        """Put up to `most` such tasks on their way again; returns how many."""
        parameters = {"of_queue": lane.queue, "since": since, "most": most, "now": now}
        return len(await self._database.run(_MAKE_LANE_DUE[lane.priority], parameters))

    async def make_due(self, *, now: datetime) -> None:
        """Put every waiting task that no relay would look at on the way again, as when a broker is put to use."""
        await self._database.run(_MAKE_DUE, {"now": now})
