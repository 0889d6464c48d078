"""What is made once for an installation and then stays: the secret that its processes share."""

from secrets import token_bytes

from sqlalchemy import bindparam, select

from narad.secrets import KEY_BYTES
from narad.store.database import Database
from narad.store.dialects import insert_unless_present
from narad.store.tables import installation

_SECRET = "secret"  # noqa: S105 - the name of one
_READ = select(installation.c.value).where(installation.c.name == bindparam("of_name"))


class Installation:
    """Values by name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = insert_unless_present(installation, database.url.get_backend_name())

    async def secret(self) -> bytes:
        """The secret of this installation; the first process that asks makes it."""
        rows = await self._database.read(_READ, {"of_name": _SECRET})
        if not rows:
            async with self._database.transaction() as connection:
                await connection.execute(self._add, {"name": _SECRET, "value": token_bytes(KEY_BYTES).hex()})
            rows = await self._database.read(_READ, {"of_name": _SECRET})
        return bytes.fromhex(rows[0].value)
