"""Follow-up tasks, which handlers create while they run: each at most once, in whichever attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, select

from narad.domain.task import NewTask
from narad.store.checkpoints import IS_CURRENT
from narad.store.database import Database
from narad.store.dialects import insert_unless_present
from narad.store.tables import tasks
from narad.store.tasks import INSERTED, INSERTED_COLUMNS, Tasks

# Held until the commit, so that no later attempt begins before this one has written.
_LOCK_CURRENT = select(tasks.c.id).where(*IS_CURRENT).with_for_update(read=True)
_READ_SPAWNED = select(tasks.c.id).where(
    tasks.c.parent_id == bindparam("of_parent", type_=Uuid()),
    tasks.c.spawn_key == bindparam("of_key", type_=Text()),
)


@dataclass(frozen=True, slots=True)
class Spawned:
    """A follow-up is stored under this id: now, or by an earlier call with the same key."""

    task_id: UUID
    is_new: bool


class FollowUps:
    """Tasks with a parent."""

    def __init__(self, database: Database, stored: Tasks) -> None:
        self._database = database
        self._tasks = stored
        self._add = insert_unless_present(tasks, database.url.get_backend_name(), INSERTED_COLUMNS, INSERTED).returning(
            tasks.c.id
        )

    async def add(self, task: NewTask, *, attempt: int) -> Spawned | None:
        """Store a follow-up unless its parent has one with that key; None where the attempt of the parent is over.

        `task` has a parent and a spawn key.
        """
        current = {"of_task": task.parent_id, "of_attempt": attempt}
        async with self._database.transaction() as connection:
            if not (await connection.execute(_LOCK_CURRENT, current)).all():
                return None
            rows: Sequence[object] = (await connection.execute(self._add, {"rows": self._tasks.rows([task])})).all()
            if rows:
                return Spawned(task.id, is_new=True)
            keys = {"of_parent": task.parent_id, "of_key": task.spawn_key}
            found = (await connection.execute(_READ_SPAWNED, keys)).one()
            return Spawned(found.id, is_new=False)
