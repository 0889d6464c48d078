"""Idempotency keys of requests: rows that are met in the transaction of what the request makes.

A key is inserted unless it is there. Whoever loses waits, by the index, for the winner's commit, and reads what the key
stands for. What a request made is kept by its ids, as texts: of tasks, of a bulk operation, or of an API key.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from narad.domain.submission import IdempotencyKey, KeyReused
from narad.errors import OverloadedError
from narad.store.database import Database
from narad.store.dialects import in_ids, insert_unless_present, rows_of
from narad.store.tables import idempotency_keys
from narad.store.types import UTCDateTime, VerbatimJson

COME_AND_GO = "Tasks with the same key come and go too quickly."
TRIES = 3
"""Looks for what a key stands for: it may end between the two."""

_COLUMNS = ("digest", "fingerprint", "task_ids", "created_at")
_keys = rows_of("rows", "k", digest=Uuid(), fingerprint=Text(), task_ids=VerbatimJson, created_at=UTCDateTime())
_READ = select(idempotency_keys).where(in_ids(idempotency_keys.c.digest, "ids"))
_FORGET = delete(idempotency_keys).where(in_ids(idempotency_keys.c.digest, "ids"))
_CORRECT = (
    update(idempotency_keys)
    .where(idempotency_keys.c.digest == bindparam("of_digest"))
    .values(task_ids=bindparam("found", type_=VerbatimJson))
)


@dataclass(frozen=True, slots=True)
class MadeBefore:
    """The same request was carried out before, and made what has these ids."""

    ids: tuple[str, ...]


class KeyVanishedError(Exception):
    """The time of a key ended between the look at it and the look at what it stands for; the next try takes it."""


class RequestKeys:
    """Takes the keys of requests. Keys are inserted in one order, so that two batches cannot wait for each other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = insert_unless_present(
            idempotency_keys,
            database.url.get_backend_name(),
            _COLUMNS,
            select(*_keys.c).order_by(_keys.c.digest),
        ).returning(idempotency_keys.c.digest, idempotency_keys.c.task_ids)

    async def once(
        self,
        key: IdempotencyKey | None,
        made: str,
        now: datetime,
        make: Callable[[AsyncConnection], Awaitable[object]],
    ) -> MadeBefore | KeyReused | None:
        """Make what will have the id `made`, in one transaction with the key; None where that was done.

        Raises:
            OverloadedError: what the key stands for could not be told, several times over.
        """
        for _ in range(TRIES):
            with suppress(KeyVanishedError):
                async with self._database.transaction() as connection:
                    if key is not None:
                        (earlier,) = await self.take(connection, [(key, [made])], now)
                        if earlier is not None:
                            return earlier
                    await make(connection)
                return None
        raise OverloadedError(COME_AND_GO)

    async def take(
        self, connection: AsyncConnection, keyed: Sequence[tuple[IdempotencyKey, Sequence[str]]], now: datetime
    ) -> Sequence[MadeBefore | KeyReused | None]:
        """Take each key for what will have the ids beside it; says of those that are taken what they stand for.

        Raises:
            KeyVanishedError: one of them was there, and is no more.
        """
        rows = [
            {"digest": key.digest, "fingerprint": key.fingerprint, "task_ids": list(ids), "created_at": now}
            for key, ids in keyed
        ]
        ours = {(row.digest, *row.task_ids) for row in await connection.execute(self._add, {"rows": rows})}
        taken = [key.digest for key, ids in keyed if (key.digest, *ids) not in ours]
        if not taken:
            return [None] * len(keyed)
        found = {row.digest: row for row in await connection.execute(_READ, {"ids": taken})}
        if len(found) < len(set(taken)):
            raise KeyVanishedError
        return [None if (key.digest, *ids) in ours else _earlier(key, found[key.digest]) for key, ids in keyed]

    async def correct(self, connection: AsyncConnection, key: IdempotencyKey, ids: Sequence[str]) -> None:
        """Let a key that was just taken stand for other ids."""
        await connection.execute(_CORRECT, {"of_digest": key.digest, "found": list(ids)})

    async def forget(self, connection: AsyncConnection, digests: Sequence[UUID]) -> None:
        """Set keys that were just taken free again."""
        await connection.execute(_FORGET, {"ids": digests})


def _earlier(key: IdempotencyKey, row: Any) -> MadeBefore | KeyReused:  # noqa: ANN401 - a row
    return MadeBefore(tuple(row.task_ids)) if row.fingerprint == key.fingerprint else KeyReused()
