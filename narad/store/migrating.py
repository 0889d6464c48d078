"""Bringing the schema of the database to where this code needs it, by Alembic."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from narad.store.database import Database
from narad.store.schema import MIGRATIONS, revision_of

_LOCK = 0x6E61726164
"""Key of the advisory lock under which one process at a time migrates; the letters of the project's name."""

_LONGEST_SECONDS = 3_600.0
"""A step may build an index over many million rows."""


async def migrate_schema(database: Database, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the schema to a revision, in one transaction; returns the revisions before and after.

    Several processes may call this at once: they take turns, and the later ones find nothing to do.
    """
    async with database.transaction(_LONGEST_SECONDS) as connection:
        if not database.is_sqlite:
            await connection.execute(text("SET LOCAL lock_timeout = '30s'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        return await connection.run_sync(_migrate, revision)


def _migrate(connection: Connection, revision: str) -> tuple[str | None, str | None]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    before = revision_of(connection)
    step = command.downgrade if _is_older(revision, before) else command.upgrade
    step(config, revision)
    return before, revision_of(connection)


def _is_older(revision: str, current: str | None) -> bool:
    """Whether going from `current` to `revision` is a way down."""
    if revision == "head" or current is None:
        return False
    if revision == "base":
        return True
    script = ScriptDirectory(str(MIGRATIONS))
    return revision != current and revision in {step.revision for step in script.walk_revisions(head=current)}
