"""Tasks that must not be stored twice: by an idempotency key of their request, or by a unique key of their own.

Both are unique indexes, met in the transaction that stores the task. Whoever loses waits for the winner's commit and is
told of its task. Keys are inserted in one order, so that two batches cannot wait for each other.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from narad.domain.submission import Created, Duplicate, IdempotencyKey, KeyReused, Replayed, Submission, Submitted
from narad.errors import OverloadedError
from narad.store.conditions import IS_ACTIVE
from narad.store.database import Database
from narad.store.dialects import in_ids, insert_unless_present, rows_of
from narad.store.tables import idempotency_keys, tasks
from narad.store.tasks import INSERTED, INSERTED_COLUMNS, Tasks
from narad.store.types import UTCDateTime, VerbatimJson

_COME_AND_GO = "Tasks with the same key come and go too quickly."
_TRIES = 3
"""Looks for the active task that has a unique key already: it may end between the two."""

_KEY_COLUMNS = ("digest", "fingerprint", "task_ids", "created_at")
_keys = rows_of("rows", "k", digest=Uuid(), fingerprint=Text(), task_ids=VerbatimJson, created_at=UTCDateTime())
_READ_KEYS = select(idempotency_keys).where(in_ids(idempotency_keys.c.digest, "ids"))
_FORGET_KEYS = delete(idempotency_keys).where(in_ids(idempotency_keys.c.digest, "ids"))
_CORRECT_KEY = (
    update(idempotency_keys)
    .where(idempotency_keys.c.digest == bindparam("of_digest"))
    .values(task_ids=bindparam("found", type_=VerbatimJson))
)
_wanted = rows_of("rows", "u", unique_key=Text())
_READ_ACTIVE = (
    select(tasks.c.id, tasks.c.unique_key).join(_wanted, tasks.c.unique_key == _wanted.c.unique_key).where(IS_ACTIVE)
)


class DuplicatesError(Exception):
    """Tasks that must be new are there already: `existing` has their places in the batch and the ids of the others."""

    def __init__(self, existing: Mapping[int, UUID]) -> None:
        super().__init__(f"{len(existing)} tasks are duplicates")
        self.existing = existing


class _KeyVanishedError(Exception):
    """The time of a key ended between the look at it and the look at what it stands for; the next try takes it."""


class Submissions:
    """New tasks, each at most once."""

    def __init__(self, database: Database, stored: Tasks) -> None:
        self._database = database
        self._tasks = stored
        dialect_name = database.url.get_backend_name()
        self._add_keys = insert_unless_present(
            idempotency_keys, dialect_name, _KEY_COLUMNS, select(*_keys.c).order_by(_keys.c.digest)
        ).returning(idempotency_keys.c.digest, idempotency_keys.c.task_ids)
        self._add_tasks = insert_unless_present(
            tasks, dialect_name, INSERTED_COLUMNS, INSERTED.order_by(INSERTED.selected_columns.unique_key)
        ).returning(tasks.c.id)

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Submitted]:
        """Store each task unless it is there already; says for each what came of it, in order.

        Raises:
            OverloadedError: what has the key of a task already could not be told, several times over.
        """
        done: dict[UUID, Submitted] = {}
        for _ in range(_TRIES):
            left = [submission for submission in batch if submission.task.id not in done]
            if not left:
                break
            with suppress(_KeyVanishedError):
                async with self._database.transaction() as connection:
                    done |= await self._submit(connection, left)
        if len(done) < len(batch):
            raise OverloadedError(_COME_AND_GO)
        return [done[submission.task.id] for submission in batch]

    async def submit_together(
        self, batch: Sequence[Submission], key: IdempotencyKey | None
    ) -> Sequence[Submitted] | Replayed | KeyReused:
        """Store all tasks or none, for one request with one key; the tasks have no keys of their own.

        Raises:
            DuplicatesError: tasks that must be new are there already; nothing was stored.
            OverloadedError: an active task with a unique key could not be told.
        """
        for _ in range(_TRIES):
            with suppress(_KeyVanishedError):
                return await self._submit_together(batch, key)
        raise OverloadedError(_COME_AND_GO)

    async def _submit_together(
        self, batch: Sequence[Submission], key: IdempotencyKey | None
    ) -> Sequence[Submitted] | Replayed | KeyReused:
        ids = [submission.task.id for submission in batch]
        async with self._database.transaction() as connection:
            if key is not None:
                (earlier,) = await self._take_keys(connection, [(key, ids)], batch[0].task.created_at)
                if earlier is not None:
                    return earlier
            done = await self._submit(connection, batch)
            _refuse_duplicates(batch, done)
            results = [done[id_] for id_ in ids]
            if key is not None:
                found = [_id_of(result).hex for result in results]
                await connection.execute(_CORRECT_KEY, {"of_digest": key.digest, "found": found})
        return results

    async def _submit(self, connection: AsyncConnection, batch: Sequence[Submission]) -> dict[UUID, Submitted]:
        """What came of each, by the id of its task; those are left out whose rival ended meanwhile."""
        done: dict[UUID, Submitted] = {}
        keyed = [(submission.key, [submission.task.id]) for submission in batch if submission.key is not None]
        if keyed:
            earlier = await self._take_keys(connection, keyed, batch[0].task.created_at)
            done |= {id_: found for (_, (id_,)), found in zip(keyed, earlier, strict=True) if found is not None}
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

    async def _take_keys(
        self, connection: AsyncConnection, keyed: Sequence[tuple[IdempotencyKey, Sequence[UUID]]], now: datetime
    ) -> Sequence[Replayed | KeyReused | None]:
        """Take each key for the tasks beside it; says of those that are taken what they stand for."""
        rows = [
            {"digest": key.digest, "fingerprint": key.fingerprint, "task_ids": [i.hex for i in ids], "created_at": now}
            for key, ids in keyed
        ]
        ours = {(row.digest, *row.task_ids) for row in await connection.execute(self._add_keys, {"rows": rows})}
        taken = [key for key, ids in keyed if (key.digest, *(id_.hex for id_ in ids)) not in ours]
        if not taken:
            return [None] * len(keyed)
        digests = [key.digest for key in taken]
        found = {row.digest: row for row in await connection.execute(_READ_KEYS, {"ids": digests})}
        if len(found) < len(set(digests)):
            raise _KeyVanishedError
        return [
            None if (key.digest, *(id_.hex for id_ in ids)) in ours else _earlier(key, found[key.digest])
            for key, ids in keyed
        ]

    async def _find_active(self, connection: AsyncConnection, missed: Sequence[Submission]) -> dict[UUID, Submitted]:
        """The active tasks that have the unique keys of these; their idempotency keys are free again."""
        rows = [{"unique_key": submission.task.unique_key} for submission in missed]
        active = {row.unique_key: row.id for row in await connection.execute(_READ_ACTIVE, {"rows": rows})}
        digests = [submission.key.digest for submission in missed if submission.key is not None]
        if digests:
            await connection.execute(_FORGET_KEYS, {"ids": digests})
        return {
            submission.task.id: Duplicate(active[submission.task.unique_key])
            for submission in missed
            if submission.task.unique_key in active
        }


def _earlier(key: IdempotencyKey, row: Any) -> Replayed | KeyReused:  # noqa: ANN401 - a row
    if row.fingerprint != key.fingerprint:
        return KeyReused()
    return Replayed(tuple(UUID(id_) for id_ in row.task_ids))


def _refuse_duplicates(batch: Sequence[Submission], done: Mapping[UUID, Submitted]) -> None:
    if len(done) < len(batch):
        raise OverloadedError(_COME_AND_GO)
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
