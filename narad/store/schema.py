"""Where the schema of the database stands, and whether that is where this code needs it.

Does without Alembic: with what that loads it is 10 MB in every process, and only one that migrates needs it.
"""

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Text, column, inspect, select, table

from narad.errors import SchemaOutdatedError
from narad.store.database import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "20261124_follow_ups"
"""The revision that this code needs: the latest of the migrations."""

_VERSION: Final = "alembic_version"
_STANDS_AT = select(column("version_num", Text())).select_from(table(_VERSION))


async def check(database: Database) -> None:
    """See that the schema is the one that this code needs.

    Raises:
        SchemaOutdatedError: it is not; the text says what to run.
    """
    async with database.transaction() as connection:
        revision = await connection.run_sync(revision_of)
    if revision != HEAD:
        message = f"The database schema is at {revision or 'nothing'}, this version needs {HEAD}. Run: narad migrate"
        raise SchemaOutdatedError(message)


async def fault(database: Database) -> str | None:
    """What is wrong with the schema for a process that runs; None for nothing. Asks the database one question.

    A revision that this code does not know is of a later version, which goes on serving this one during an upgrade.
    """
    rows = await database.read(_STANDS_AT)
    revision = rows[0].version_num if rows else None
    if revision == HEAD or (revision is not None and revision not in known()):
        return None
    return f"at {revision or 'nothing'}, needs {HEAD}; run narad migrate"


@cache
def known() -> frozenset[str]:
    """The revisions that this code has migrations for: each is in a file of its name."""
    return frozenset(file.stem for file in (MIGRATIONS / "versions").glob("*.py"))


def revision_of(connection: Connection) -> str | None:
    """Where the schema stands; None for a database without one."""
    if not inspect(connection).has_table(_VERSION):
        return None
    return connection.execute(_STANDS_AT).scalar()
