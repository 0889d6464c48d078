"""The audit: who changed what, by way of the API or the command line."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, delete, insert, select

from narad.domain.task import JsonObject
from narad.ids import first_id_at
from narad.store.database import Database
from narad.store.dialects import in_select
from narad.store.tables import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change, or the attempt at one. Its `id` grows with time.

    `target` is what was changed, or `filter` what was looked for and `count` how much was found. `outcome` is `done`,
    or the code of the problem that was answered.
    """

    id: UUID
    at: datetime
    actor: str
    key_id: str | None
    address: str | None
    action: str
    target: str | None
    filter: JsonObject | None
    count: int | None
    outcome: str
    request_id: str | None


_NAMES = tuple(field.name for field in dataclasses.fields(AuditEntry))
_COLUMNS = [audit.c[name] for name in _NAMES]
_ADD = insert(audit).values({name: bindparam(f"new_{name}", type_=audit.c[name].type) for name in _NAMES})
_old = (
    select(audit.c.id)
    .where(audit.c.id < bindparam("bound", type_=Uuid()))
    .order_by(audit.c.id)
    .limit(bindparam("most", type_=Integer()))
    .cte("old")
)
_PRUNE = delete(audit).where(in_select(audit.c.id, select(_old.c.id))).returning(audit.c.id)


class Audit:
    """Rows that are written once and read rarely."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        """Keep one entry."""
        await self._database.run(_ADD, {f"new_{name}": getattr(entry, name) for name in _NAMES})

    async def find(
        self, most: int, *, before: UUID | None = None, key_id: str | None = None, target: str | None = None
    ) -> Sequence[AuditEntry]:
        """Up to `most` entries, the latest first: older than the id `before`, of a key, about a target."""
        statement = select(*_COLUMNS).order_by(audit.c.id.desc()).limit(most)
        if before is not None:
            statement = statement.where(audit.c.id < before)
        if key_id is not None:
            statement = statement.where(audit.c.key_id == key_id)
        if target is not None:
            statement = statement.where(audit.c.target == target)
        return [AuditEntry(**row._asdict()) for row in await self._database.read_built(statement)]

    async def prune(self, most: int, *, before: datetime) -> int:
        """Remove up to `most` entries from before that time; how many."""
        return len(await self._database.run(_PRUNE, {"bound": first_id_at(before), "most": most}))
