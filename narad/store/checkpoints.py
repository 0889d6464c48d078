"""Checkpoints: where a handler goes on. They have a table of their own, for most tasks never have one.

They go with their tasks: `narad.store.retention`, `narad.store.bulk`.
"""

from typing import cast
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.elements import ColumnElement

from narad.domain.task import Json
from narad.store.conditions import STILL_RUNNING
from narad.store.database import Database
from narad.store.dialects import in_ids
from narad.store.tables import checkpoints, tasks

IS_CURRENT: tuple[ColumnElement[bool], ...] = (
    tasks.c.id == bindparam("of_task", type_=Uuid()),
    tasks.c.attempt == bindparam("of_attempt", type_=Integer()),
    STILL_RUNNING,
)
"""Whether the row is that of an attempt which is the current one of its task: what fences a write beside the task."""

_READ = select(checkpoints.c.value).where(checkpoints.c.task_id == bindparam("of_task", type_=Uuid()))
_FORGET = delete(checkpoints).where(checkpoints.c.task_id == bindparam("of_task", type_=Uuid()))
REMOVE_CHECKPOINTS = delete(checkpoints).where(in_ids(checkpoints.c.task_id, "ids"))
"""Remove the checkpoints of tasks, in the transaction that removes these."""


class Checkpoints:
    """What handlers saved to go on from; at most one of a task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._save = _save(database.url.get_backend_name())

    async def read(self, task_id: UUID) -> Json:
        """The checkpoint; None where there is none."""
        rows = await self._database.read(_READ, {"of_task": task_id})
        return cast("Json", rows[0].value[0]) if rows else None

    async def save(self, task_id: UUID, attempt: int, value: Json) -> bool:
        """Keep a checkpoint in the place of the one before; False means fenced, and changes nothing."""
        # In a list, so that null can be saved as well.
        parameters = {"of_task": task_id, "of_attempt": attempt, "saved": [value]}
        return bool(await self._database.run(self._save, parameters))

    async def forget(self, task_id: UUID) -> None:
        """Remove the checkpoint of a task that has completed: it never runs again."""
        await self._database.run(_FORGET, {"of_task": task_id})


def _save(dialect_name: str) -> ReturningInsert[tuple[UUID]]:
    # The row of the task is held until the commit, so that no later attempt begins before this one has written.
    current = (
        select(tasks.c.id, bindparam("saved", type_=checkpoints.c.value.type))
        .where(*IS_CURRENT)
        .with_for_update(read=True)
    )
    insert = (sqlite if dialect_name == "sqlite" else postgresql).insert(checkpoints)
    insert = insert.from_select(["task_id", "value"], current)
    saving: ReturningInsert[tuple[UUID]] = insert.on_conflict_do_update(
        index_elements=[checkpoints.c.task_id], set_={"value": insert.excluded.value}
    ).returning(checkpoints.c.task_id)
    return saving
