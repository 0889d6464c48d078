"""Databases for tests: each test gets a fresh one, copied from one that was migrated once."""

import asyncio
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import asyncpg
from sqlalchemy import URL, make_url

from narad.errors import ConfigurationError
from narad.store.database import Database, parse_url
from narad.store.migrating import migrate_schema

URL_VARIABLE = "NARAD_TEST_DATABASE_URL"
_TIMEOUT_SECONDS = 30.0


class Databases(Protocol):
    """Makes databases at the head of the schema, and removes them."""

    def create(self) -> str:
        """The URL of a fresh one."""
        ...

    def drop(self, url: str) -> None:
        """Remove one that `create` made, once nothing is connected to it."""
        ...

    def close(self) -> None:
        """Remove what they were copied from."""
        ...


class SqliteDatabases:
    """SQLite files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._template = directory / "template.db"

    def create(self) -> str:
        if not self._template.exists():
            _migrate(f"sqlite:///{self._template}")
        path = self._directory / f"{token_hex(6)}.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            leftover.unlink(missing_ok=True)

    def close(self) -> None:
        return


class PostgresDatabases:
    """Databases on a PostgreSQL server, called `narad_test_…`. The one in its URL is connected to and left alone."""

    def __init__(self, url: str) -> None:
        """The user of the URL must be allowed to create databases.

        Raises:
            ConfigurationError: it is not the URL of a PostgreSQL database.
        """
        if not url:
            raise ConfigurationError(
                f"--narad-store=postgres needs a server: set {URL_VARIABLE} to "
                "postgresql://user:password@host:port/database of a user that may create databases."
            )
        self._url = make_url(url).set(drivername="postgresql")
        if parse_url(url).get_backend_name() != "postgresql":
            raise ConfigurationError(f"{URL_VARIABLE} is not the URL of a PostgreSQL database.")
        self._template: str | None = None

    def create(self) -> str:
        if self._template is None:
            self._template = self._create()
            _migrate(_text(self._url.set(database=self._template)))
        return _text(self._url.set(database=self._create(self._template)))

    def drop(self, url: str) -> None:
        self._drop(make_url(url).database or "")

    def close(self) -> None:
        if self._template is not None:
            self._drop(self._template)
            self._template = None

    def _create(self, template: str = "template1") -> str:
        name = f"narad_test_{token_hex(6)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        _beside(_execute(_text(self._url), statement))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        await connection.execute(statement, timeout=_TIMEOUT_SECONDS)
    finally:
        await connection.close()


def _migrate(url: str) -> None:
    async def migrate() -> None:
        database = Database(parse_url(url), pool_size=1, timeout_seconds=_TIMEOUT_SECONDS)
        try:
            await migrate_schema(database)
        finally:
            await database.close()

    _beside(migrate())


def _beside(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine on a loop of its own in a thread of its own: the one that asks may have a loop already."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="narad-testing") as pool:
        pool.submit(asyncio.run, work).result()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
