"""Tasks that must not be stored twice: by an idempotency key of their request, or by a unique key of their own.

Both are unique indexes, met in the transaction that stores the task. Whoever loses waits for the winner's commit and is
told of its task. Keys are inserted in one order, so that two batches cannot wait for each other.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from sqlalchemy import Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from narad.domain.submission import Created, Duplicate, IdempotencyKey, KeyReused, Replayed, Submission, Submitted
from narad.errors import OverloadedError
from narad.store.conditions import IS_ACTIVE
from narad.store.database import Database
from narad.store.dialects import insert_unless_present, rows_of
from narad.store.request_keys import COME_AND_GO, TRIES, KeyVanishedError, MadeBefore, RequestKeys
from narad.store.tables import tasks
from narad.store.tasks import INSERTED, INSERTED_COLUMNS, Tasks

_wanted = rows_of("rows", "u", unique_key=Text())
_READ_ACTIVE = (
    select(tasks.c.id, tasks.c.unique_key).join(_wanted, tasks.c.unique_key == _wanted.c.unique_key).where(IS_ACTIVE)
)


class DuplicatesError(Exception):
    """Tasks that must be new are there already: `existing` has their places in the batch and the ids of the others."""

    def __init__(self, existing: Mapping[int, UUID]) -> None:
        super().__init__(f"{len(existing)} tasks are duplicates")
        self.existing = existing


class Submissions:
    """New tasks, each at most once."""

    def __init__(self, database: Database, stored: Tasks) -> None:
        self._database = database
        self._tasks = stored
        dialect_name = database.url.get_backend_name()
        self._keys = RequestKeys(database)
        self._add_tasks = insert_unless_present(
            tasks, dialect_name, INSERTED_COLUMNS, INSERTED.order_by(INSERTED.selected_columns.unique_key)
        ).returning(tasks.c.id)

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Submitted]:
        """Store each task unless it is there already; says for each what came of it, in order.

        Raises:
            OverloadedError: what has the key of a task already could not be told, several times over.
        """
        done: dict[UUID, Submitted] = {}
        for _ in range(TRIES):
            left = [submission for submission in batch if submission.task.id not in done]
            if not left:
                break
            with suppress(KeyVanishedError):
                async with self._database.transaction() as connection:
                    done |= await self._submit(connection, left)
        if len(done) < len(batch):
            raise OverloadedError(COME_AND_GO)
        return [done[submission.task.id] for submission in batch]

    async def submit_together(
        self, batch: Sequence[Submission], key: IdempotencyKey | None
    ) -> Sequence[Submitted] | Replayed | KeyReused:
        """Store all tasks or none, for one request with one key; the tasks have no keys of their own.

        Raises:
            DuplicatesError: tasks that must be new are there already; nothing was stored.
            OverloadedError: an active task with a unique key could not be told.
        """
        for _ in range(TRIES):
            with suppress(KeyVanishedError):
                return await self._submit_together(batch, key)
        raise OverloadedError(COME_AND_GO)

    async def _submit_together(
        self, batch: Sequence[Submission], key: IdempotencyKey | None
    ) -> Sequence[Submitted] | Replayed | KeyReused:
        ids = [submission.task.id for submission in batch]
        async with self._database.transaction() as connection:
            if key is not None:
                made = [id_.hex for id_ in ids]
                (earlier,) = await self._keys.take(connection, [(key, made)], batch[0].task.created_at)
                if earlier is not None:
                    return _told(earlier)
            done = await self._submit(connection, batch)
            _refuse_duplicates(batch, done)
            results = [done[id_] for id_ in ids]
            if key is not None:
                await self._keys.correct(connection, key, [_id_of(result).hex for result in results])
        return results

    async def _submit(self, connection: AsyncConnection, batch: Sequence[Submission]) -> dict[UUID, Submitted]:
        """What came of each, by the id of its task; those are left out whose rival ended meanwhile."""
        done: dict[UUID, Submitted] = {}
        keyed = [(submission.key, submission.task.id) for submission in batch if submission.key is not None]
        if keyed:
            wanted = [(key, [id_.hex]) for key, id_ in keyed]
            earlier = await self._keys.take(connection, wanted, batch[0].task.created_at)
            done |= {id_: _told(found) for (_, id_), found in zip(keyed, earlier, strict=True) if found is not None}
        fresh = [submission for submission in batch if submission.task.id not in done]
        if not fresh:
            return done
        rows = self._tasks.rows([submission.task for submission in fresh])
        created = {row.id for row in await connection.execute(self._add_tasks, {"rows": rows})}
        done |= {one.task.id: Created(one.task) for one in fresh if one.task.id in created}
        missed = [submission for submission in fresh if submission.task.id not in created]
        if missed:
            done |= await self._find_active(connection, missed)
        return done

    async def _find_active(self, connection: AsyncConnection, missed: Sequence[Submission]) -> dict[UUID, Submitted]:
        """The active tasks that have the unique keys of these; their idempotency keys are free again."""
        rows = [{"unique_key": submission.task.unique_key} for submission in missed]
        active = {row.unique_key: row.id for row in await connection.execute(_READ_ACTIVE, {"rows": rows})}
        digests = [submission.key.digest for submission in missed if submission.key is not None]
        if digests:
            await self._keys.forget(connection, digests)
        return {
            submission.task.id: Duplicate(active[submission.task.unique_key])
            for submission in missed
            if submission.task.unique_key in active
        }


def _told(earlier: MadeBefore | KeyReused) -> Replayed | KeyReused:
    return Replayed(tuple(UUID(id_) for id_ in earlier.ids)) if isinstance(earlier, MadeBefore) else earlier


def _refuse_duplicates(batch: Sequence[Submission], done: Mapping[UUID, Submitted]) -> None:
    if len(done) < len(batch):
        raise OverloadedError(COME_AND_GO)
    existing = {}
    for index, submission in enumerate(batch):
        result = done[submission.task.id]
        if isinstance(result, Duplicate) and not submission.may_exist:
            existing[index] = result.task_id
    if existing:
        raise DuplicatesError(existing)


def _id_of(result: Submitted) -> UUID:
    match result:
        case Created(task):
            return task.id
        case Duplicate(task_id):
            return task_id
        case Replayed() | KeyReused():
            raise TypeError(result)  # an item of a batch has no key
