"""Duties: what one process at a time does for all, as long as it says that it is there."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Executable, Text, Uuid, bindparam, delete, or_
from sqlalchemy.dialects import postgresql, sqlite

from narad.store.database import Database
from narad.store.tables import duties
from narad.store.types import UTCDateTime

_LEAVE = delete(duties).where(
    duties.c.name == bindparam("of_duty", type_=Text()), duties.c.held_by == bindparam("holder", type_=Uuid())
)


class Duties:
    """Duties by name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._take = _taking(database.url.get_backend_name())

    async def take(self, name: str, holder: UUID, *, now: datetime, lease: timedelta) -> bool:
        """Take the duty, or go on with it, for so long; False where another holds it."""
        rows = await self._database.run(
            self._take, {"of_duty": name, "holder": holder, "until": now + lease, "now": now}
        )
        return bool(rows)

    async def leave(self, name: str, holder: UUID) -> None:
        """Let another take the duty at once, where it is held."""
        await self._database.run(_LEAVE, {"of_duty": name, "holder": holder})


def _taking(dialect_name: str) -> Executable:
    insert = sqlite.insert(duties) if dialect_name == "sqlite" else postgresql.insert(duties)
    row = insert.values(
        name=bindparam("of_duty", type_=Text()),
        held_by=bindparam("holder", type_=Uuid()),
        held_until=bindparam("until", type_=UTCDateTime()),
    )
    return row.on_conflict_do_update(
        index_elements=["name"],
        set_={"held_by": row.excluded.held_by, "held_until": row.excluded.held_until},
        where=or_(
            duties.c.held_by == row.excluded.held_by,
            duties.c.held_until < bindparam("now", type_=UTCDateTime()),
        ),
    ).returning(duties.c.name)
