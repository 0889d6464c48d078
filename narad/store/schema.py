"""The schema of the database: where it stands, and bringing it to where this code needs it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from narad.errors import SchemaOutdatedError
from narad.store.database import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6E61726164
"""Key of the advisory lock under which one process at a time migrates; the letters of the project's name."""

_LONGEST_SECONDS = 3_600.0
"""A step may build an index over many million rows."""


def head() -> str:
    """The revision that this code needs."""
    revision = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if revision is None:
        message = "the package holds no migrations"
        raise SchemaOutdatedError(message)
    return revision


async def migrate(database: Database, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the schema to a revision, in one transaction; returns the revisions before and after.

    Several processes may call this at once: they take turns, and the later ones find nothing to do.
    """
    async with database.transaction(_LONGEST_SECONDS) as connection:
        if not database.is_sqlite:
            await connection.execute(text("SET LOCAL lock_timeout = '30s'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        return await connection.run_sync(_migrate, revision)


async def check(database: Database) -> None:
    """See that the schema is the one that this code needs.

    Raises:
        SchemaOutdatedError: it is not; the text says what to run.
    """
    async with database.transaction() as connection:
        revision = await connection.run_sync(_revision)
    if revision != head():
        message = f"The database schema is at {revision or 'nothing'}, this version needs {head()}. Run: narad migrate"
        raise SchemaOutdatedError(message)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _migrate(connection: Connection, revision: str) -> tuple[str | None, str | None]:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    before = _revision(connection)
    step = command.downgrade if _is_older(revision, before) else command.upgrade
    step(config, revision)
    return before, _revision(connection)


def _is_older(revision: str, current: str | None) -> bool:
    """Whether going from `current` to `revision` is a way down."""
    if revision == "head" or current is None:
        return False
    if revision == "base":
        return True
    script = ScriptDirectory(str(_MIGRATIONS))
    return revision != current and revision in {step.revision for step in script.walk_revisions(head=current)}
