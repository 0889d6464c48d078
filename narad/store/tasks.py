"""Tasks as their submitters see them: insert, get, cancel."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, func, insert, literal, select, update

from narad.domain.decide import CANCELLED_ERROR
from narad.domain.event import Mark
from narad.domain.status import Priority, Status
from narad.domain.task import NewTask, Task, TaskError
from narad.store.conditions import IS_WAITING, STILL_RUNNING, STILL_WAITING
from narad.store.database import Database
from narad.store.dialects import in_ids, in_select, rows_of
from narad.store.rows import NEW, WHOLE, from_error, to_task
from narad.store.tables import tasks
from narad.store.types import UTCDateTime

_batch = rows_of("rows", "v", **{column.name: column.type for column in NEW}, due_at=UTCDateTime())
INSERTED_COLUMNS = (*(column.name for column in NEW), "due_at", "status")
INSERTED = select(*_batch.c, literal(Status.NEW, tasks.c.status.type))
_INSERT = insert(tasks).from_select(INSERTED_COLUMNS, INSERTED)
_GET = select(*WHOLE).where(tasks.c.id == bindparam("task_id"))
_waiting = select(tasks.c.id).where(IS_WAITING).limit(bindparam("most", type_=Integer())).subquery()
_COUNT_WAITING = select(func.count()).select_from(_waiting)
MARK_COLUMNS = [tasks.c[field.name] for field in dataclasses.fields(Mark)]
_MARKS = select(*MARK_COLUMNS).where(in_ids(tasks.c.id, "ids"))
_CANCEL = (
    update(tasks)
    .where(tasks.c.id == bindparam("task_id"), STILL_WAITING)
    .values(
        status=Status.CANCELLED,
        finished_at=bindparam("now"),
        due_at=None,
        cancel_reason=bindparam("reason", type_=tasks.c.cancel_reason.type),
        error=bindparam("error", type_=tasks.c.error.type),
        version=tasks.c.version + 1,
    )
    .returning(*WHOLE)
)
_EXPIRED = TaskError(type="Expired", message="The task was not started in time.", retryable=False)
_overdue = (
    select(tasks.c.id)
    .where(IS_WAITING, tasks.c.expires_at.is_not(None), tasks.c.expires_at <= bindparam("now", type_=UTCDateTime()))
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
    .cte("overdue")
)
_EXPIRE = (
    update(tasks)
    .where(in_select(tasks.c.id, select(_overdue.c.id)))
    .values(
        status=Status.FAILED,
        finished_at=bindparam("now"),
        due_at=None,
        error=bindparam("expired", type_=tasks.c.error.type),
        version=tasks.c.version + 1,
    )
    .returning(tasks.c.id, tasks.c.handler, tasks.c.priority)
)
_REQUEST_CANCEL = (
    update(tasks)
    .where(tasks.c.id == bindparam("task_id"), STILL_RUNNING)
    .values(
        cancel_requested_at=func.coalesce(tasks.c.cancel_requested_at, bindparam("now", type_=UTCDateTime())),
        cancel_reason=func.coalesce(tasks.c.cancel_reason, bindparam("reason", type_=tasks.c.cancel_reason.type)),
        version=tasks.c.version + 1,
    )
    .returning(*WHOLE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A task that failed because it was not started in time."""

    id: UUID
    handler: str
    priority: Priority


class Tasks:
    """Tasks, by submission and by id."""

    def __init__(self, database: Database, *, guard: timedelta) -> None:
        """`guard` is how long after its insertion a task that should run at once is left to the relay of this process;
        0 where it has none, for any relay to sweep it up.
        """
        self._database = database
        self._guard = guard

    async def insert(self, batch: Sequence[NewTask]) -> Sequence[NewTask]:
        """Store new tasks, all or none; when this returns they are committed."""
        await self._database.run(_INSERT, {"rows": self.rows(batch)})
        return batch

    def rows(self, batch: Sequence[NewTask]) -> list[dict[str, Any]]:
        """New tasks as INSERTED takes them."""
        return [self._new_row(task) for task in batch]

    async def get(self, task_id: UUID) -> Task | None:
        """The task, or None where there is none of that id."""
        rows = await self._database.read(_GET, {"task_id": task_id})
        return to_task(rows[0]) if rows else None

    async def marks(self, ids: Sequence[UUID]) -> Sequence[Mark]:
        """Where those of the tasks stand that there are, in any order."""
        return [Mark(**row._asdict()) for row in await self._database.read(_MARKS, {"ids": ids})]

    async def cancel(self, task_id: UUID, *, now: datetime, reason: str | None = None) -> Task | None:
        """Cancel a waiting task at once, ask a running one to stop, leave a final one alone.

        Returns the task as it stands afterwards, or None where there is none of that id. Whichever of this and the
        outcome of a running attempt commits first wins.
        """
        asked = {"task_id": task_id, "now": now, "reason": reason}
        for _ in range(3):
            rows = await self._database.run(_CANCEL, asked | {"error": from_error(CANCELLED_ERROR)})
            rows = rows or await self._database.run(_REQUEST_CANCEL, asked)
            if rows:
                return to_task(rows[0])
            task = await self.get(task_id)
            if task is None or task.status.is_final:
                return task
        return await self.get(task_id)

    async def count_waiting(self, most: int) -> int:
        """How many tasks wait; `most` where it is as many or more."""
        ((number,),) = await self._database.read(_COUNT_WAITING, {"most": most})
        return int(number)

    async def expire(self, most: int, *, now: datetime) -> Sequence[Expired]:
        """Fail up to `most` tasks that still wait for their first start at the end of their time to wait."""
        rows = await self._database.run(_EXPIRE, {"most": most, "now": now, "expired": from_error(_EXPIRED)})
        return [Expired(**row._asdict()) for row in rows]

    def _new_row(self, task: NewTask) -> dict[str, Any]:
        row = {field: getattr(task, field) for field in _NEW_FIELDS}
        row["due_at"] = task.run_at if task.run_at > task.created_at else task.created_at + self._guard
        return row


_NEW_FIELDS = tuple(field.name for field in dataclasses.fields(NewTask))
