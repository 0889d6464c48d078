"""The schema: migrations and models are one, every step goes down and up again, and the rules hold in the database."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text, update

from narad.domain.status import Status
from narad.errors import ConfigurationError, DataRejectedError, SchemaOutdatedError
from narad.ids import new_id
from narad.store import schema, tables
from narad.store.database import parse_url
from narad.store.migrating import migrate_schema
from narad.store.store import Store
from narad.store.types import code_of
from tests.support.stores import opened
from tests.support.tasks import NOW, new_task


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    url: str = request.getfixturevalue("postgres_database")
    return url


async def test_models_and_migrations_are_one(store: Store) -> None:
    def compare(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))

    async with store.database.transaction() as connection:
        assert await connection.run_sync(compare) == []


async def test_constraints_of_models_and_migrations_are_one(store: Store) -> None:
    def names(connection: Connection) -> set[str | None]:
        return {check["name"] for check in inspect(connection).get_check_constraints("tasks")}

    async with store.database.transaction() as connection:
        assert await connection.run_sync(names) == {
            constraint.name for constraint in tables.tasks.constraints if str(constraint.name).startswith("ck_")
        }


def test_what_the_code_says_of_its_migrations_is_so() -> None:
    script = ScriptDirectory(str(schema.MIGRATIONS))

    assert script.get_heads() == [schema.HEAD]
    assert {step.revision for step in script.walk_revisions()} == schema.known()


async def test_every_step_goes_up_down_and_up_again(empty_url: str) -> None:
    steps = [step.revision for step in ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()]
    async with opened(empty_url) as store:
        for revision in reversed(steps):
            assert (await migrate_schema(store.database, revision))[1] == revision
        for revision in [*steps[1:], "base"]:
            await migrate_schema(store.database, revision)

        def left(connection: Connection) -> list[str]:
            return inspect(connection).get_table_names()

        async with store.database.transaction() as connection:
            assert await connection.run_sync(left) == ["alembic_version"]
        assert await migrate_schema(store.database) == (None, schema.HEAD)


async def test_processes_that_migrate_at_once_take_turns(empty_url: str) -> None:
    async with opened(empty_url) as one, opened(empty_url) as two:
        results = await asyncio.gather(migrate_schema(one.database), migrate_schema(two.database))

    assert {before for before, _ in results} == {None, schema.HEAD}
    assert {after for _, after in results} == {schema.HEAD}


async def test_an_old_schema_is_refused_with_the_command_that_helps(empty_url: str) -> None:
    async with opened(empty_url) as store:
        with pytest.raises(SchemaOutdatedError, match="Run: narad migrate"):
            await schema.check(store.database)


@pytest.mark.parametrize(
    "change",
    [
        {"status": code_of(Status.COMPLETED)},
        {"status": code_of(Status.IN_PROGRESS)},
        {"status": 6},
        {"priority": 3},
        {"due_at": None},
        {"status": code_of(Status.FAILED), "due_at": None},
        {"finished_at": "now"},
        {"attempt": -1},
        {"failures": -1},
    ],
    ids=str,
)
async def test_the_database_refuses_a_row_that_breaks_a_rule(store: Store, change: dict[str, Any]) -> None:
    task = new_task()
    await store.tasks.insert([task])
    assignments = ", ".join(f"{name} = {_literal(value, store)}" for name, value in change.items())

    with pytest.raises(DataRejectedError):
        await store.database.run(text(f"UPDATE tasks SET {assignments}"))  # noqa: S608 - constants of this test


def _literal(value: object, store: Store) -> str:
    if value == "now":
        return "1" if store.database.is_sqlite else "now()"
    return "NULL" if value is None else str(value)


async def test_a_legal_change_is_not_refused(store: Store) -> None:
    task = new_task()
    await store.tasks.insert([task])

    await store.database.run(
        update(tables.tasks).values(
            status=Status.IN_PROGRESS, worker_id=new_id(), started_at=NOW, attempt=1, due_at=None
        )
    )


@pytest.mark.parametrize(
    ("address", "driver"),
    [
        ("postgresql://user:p%40ss@host:5433/db", "postgresql+asyncpg"),
        ("postgres://user@host/db", "postgresql+asyncpg"),
        ("postgresql+psycopg://user@host/db", "postgresql+asyncpg"),
        ("sqlite:///relative/narad.db", "sqlite+aiosqlite"),
        ("sqlite:////absolute/narad.db", "sqlite+aiosqlite"),
    ],
)
def test_addresses_are_taken_as_users_write_them(address: str, driver: str) -> None:
    url = parse_url(address)

    assert url.drivername == driver
    assert url.password in {None, "p@ss"}


@pytest.mark.parametrize("address", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_cannot_work_is_refused_in_one_line(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^NARAD_DATABASE_URL .*\.$"):
        parse_url(address)


async def test_a_process_that_runs_finds_its_schema_gone_back_and_bears_a_later_one(empty_url: str) -> None:
    async with opened(empty_url) as store:
        await migrate_schema(store.database)
        assert await schema.fault(store.database) is None

        await migrate_schema(store.database, "20261123_initial")
        assert await schema.fault(store.database) == f"at 20261123_initial, needs {schema.HEAD}; run narad migrate"

        async with store.database.transaction() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = 'of_tomorrow'"))
        assert await schema.fault(store.database) is None
