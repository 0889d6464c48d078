"""Changes that people make to stored tasks: amend one that waits, run one again that ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, null, select, update

from narad.domain.status import Status
from narad.domain.task import Task
from narad.errors import DataRejectedError
from narad.store.conditions import IS_ACTIVE, STILL_WAITING, coded, still_has_status
from narad.store.database import Database
from narad.store.rows import WHOLE, to_task
from narad.store.submissions import DuplicatesError
from narad.store.tables import tasks
from narad.store.types import UTCDateTime

_now = bindparam("now", type_=UTCDateTime())
RETRIABLE = still_has_status(Status.FAILED, Status.CANCELLED)
RETRIED = {
    "status": coded(Status.PENDING),
    "run_at": _now,
    "due_at": _now,
    "handovers": 0,
    "failures": 0,
    "losses": 0,
    "expires_at": null(),
    "finished_at": null(),
    "cancel_requested_at": null(),
    "cancel_reason": null(),
    "progress": null(),
    "error": null(),
    "version": tasks.c.version + 1,
}
"""What a task becomes that goes round again."""
_RETRY = update(tasks).where(tasks.c.id == bindparam("task_id"), RETRIABLE).values(RETRIED).returning(*WHOLE)
_ACTIVE_WITH_KEY = select(tasks.c.id).where(tasks.c.unique_key == bindparam("of_key"), IS_ACTIVE)
_KEY = select(tasks.c.unique_key).where(tasks.c.id == bindparam("task_id"))


class Changes:
    """Tasks as people change them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def amend(self, task: Task, values: Mapping[str, Any]) -> Task | None:
        """Write columns of a waiting task; None where it is no longer as it was read."""
        statement = (
            update(tasks)
            .where(tasks.c.id == task.id, tasks.c.version == task.version, STILL_WAITING)
            .values(**values, version=tasks.c.version + 1)
            .returning(*WHOLE)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(statement)).all()
        return to_task(rows[0]) if rows else None

    async def retry(self, task_id: UUID, *, now: datetime) -> Task | None:
        """Put a task that is FAILED or CANCELLED on its way again; None where it is not.

        Its failures and losses are forgotten; its attempts go on counting.

        Raises:
            DuplicatesError: an active task has its unique key.
        """
        try:
            rows = await self._database.run(_RETRY, {"task_id": task_id, "now": now})
        except DataRejectedError:
            for (key,) in await self._database.read(_KEY, {"task_id": task_id}):
                for (existing,) in await self._database.read(_ACTIVE_WITH_KEY, {"of_key": key}):
                    raise DuplicatesError({0: existing}) from None
            raise
        return to_task(rows[0]) if rows else None
