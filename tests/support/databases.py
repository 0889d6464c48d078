"""Databases of a PostgreSQL server, through its own protocol, so that it does not matter how the server was started."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

import asyncpg

NOT_YET = (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError)


class Databases:
    """Creates and drops databases on 127.0.0.1, synchronously, also while the caller's thread runs an event loop."""

    def __init__(self, *, port: int, user: str, password: str) -> None:
        self.port = port
        self._user = user
        self._password = password

    def url(self, database: str) -> str:
        """The address of a database, for the superuser of this server."""
        return f"postgresql://{self._user}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy of `template`, which nobody may be connected to meanwhile."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"')

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, and cut whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside any transaction."""
        _finish(self._execute(statement, database))

    async def _execute(self, statement: str, database: str) -> None:
        connection = await asyncpg.connect(self.url(database), timeout=5)
        try:
            await connection.execute(statement, timeout=60)
        finally:
            await connection.close(timeout=5)


def _finish(work: Coroutine[object, object, None]) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
