"""Connections to PostgreSQL for constant statements, each of which is a transaction of its own."""

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import URL, Dialect, Executable

from narad.store.prepared import Prepared


class Connections:
    """A pool of asyncpg's own, opened on first use."""

    def __init__(self, dialect: Dialect, url: URL, size: int, options: Mapping[str, Any]) -> None:
        """`options` are those of asyncpg's `connect`."""
        self._dialect = dialect
        self._address = dialect.create_connect_args(url)[1]
        self._size = size
        self._options = options
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()
        self._prepared: WeakKeyDictionary[Executable, Prepared] = WeakKeyDictionary()

    async def fetch(self, statement: Executable, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a constant statement; returns its rows."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement, self._dialect)
        pool = self._pool or await self._open()
        async with pool.acquire() as connection:
            try:
                records = await connection.fetch(prepared.text, *prepared.arguments(parameters))
            except asyncpg.exceptions.InternalClientError:
                # The server died in the middle of an answer, and the driver has lost its thread.
                connection.terminate()
                raise
        return prepared.rows(records)

    async def close(self) -> None:
        """Close every connection at once; what is under way on them fails."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    **self._address, **self._options, min_size=0, max_size=self._size, reset=_leave_as_it_is
                )
            return self._pool


async def _leave_as_it_is(_connection: object) -> None:
    """Constant statements leave nothing behind in a session; asking the server to clean up would be a round trip."""
