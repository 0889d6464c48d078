"""The catalogue: what handlers there are, as workers publish them and the API reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from narad.domain.task import JsonObject
from narad.store.database import Database
from narad.store.dialects import upsert
from narad.store.tables import handlers
from narad.store.types import UTCDateTime

KEPT = timedelta(days=30)
"""How long a handler stays known after a worker last published it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """A handler in one of its versions: `fingerprint` tells versions with different schemas or options apart."""

    name: str
    fingerprint: str
    queue: str
    title: str | None
    description: str | None
    payload_schema: JsonObject
    result_schema: JsonObject | None
    options: JsonObject


_COLUMNS = [handlers.c[field.name] for field in fields(CatalogueEntry)]
_KNOWN = (
    select(*_COLUMNS)
    .where(handlers.c.seen_at > bindparam("since", type_=UTCDateTime()))
    .order_by(handlers.c.name, handlers.c.seen_at.desc())
)
_PUBLISHED = _KNOWN.add_columns(handlers.c.seen_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion(CatalogueEntry):
    """A version of a handler, and when a process that has it last started."""

    seen_at: datetime


class Catalogue:
    """Every handler known to the service, in every version that some worker still runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._upsert = upsert(handlers, database.url.get_backend_name())

    async def publish(self, entries: Sequence[CatalogueEntry], *, now: datetime) -> None:
        """Make handlers known, or known again."""
        ordered = sorted(entries, key=lambda entry: (entry.name, entry.fingerprint))  # one order cannot deadlock
        async with self._database.transaction() as connection:
            for entry in ordered:
                row = {field.name: getattr(entry, field.name) for field in fields(entry)} | {"seen_at": now}
                await connection.execute(self._upsert, row)

    async def known(self, *, now: datetime) -> Sequence[CatalogueEntry]:
        """The handlers published within the last 30 days, by name, the latest version of each first."""
        rows = await self._database.read(_KNOWN, {"since": now - KEPT})
        return [CatalogueEntry(**row._asdict()) for row in rows]

    async def published(self, *, now: datetime) -> Sequence[PublishedVersion]:
        """The same with the times of their publishing."""
        rows = await self._database.read(_PUBLISHED, {"since": now - KEPT})
        return [PublishedVersion(**row._asdict()) for row in rows]
