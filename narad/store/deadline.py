"""A time limit that the database itself keeps, so that what nobody waits for any more does not run on."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, cast

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from narad.errors import QueryTooSlowError

_LIMIT = text("SELECT set_config('statement_timeout', :limit, true)")
"""Of the transaction that it is set in."""
_CANCELLED = "57014"


class Deadline:
    """When statements that belong together have to be through."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            QueryTooSlowError: none.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> QueryTooSlowError:
        """The error that says so."""
        return QueryTooSlowError(f"no answer within {self.seconds:g} s")


@asynccontextmanager
async def kept(deadline: Deadline, connection: AsyncConnection) -> AsyncIterator[None]:
    """Have the database give up what it does on the connection, in the transaction of the block, at the deadline.

    Raises:
        QueryTooSlowError: it did.
    """
    try:
        if connection.dialect.name == "sqlite":
            async with _interrupted(connection, deadline.left()):
                yield
        else:
            milliseconds = max(1, int(deadline.left() * 1_000))
            await connection.execute(_LIMIT, {"limit": str(milliseconds)})
            yield
    except DBAPIError as error:
        if _was_given_up(error):
            raise deadline.missed() from error
        raise


class _Interruptible(Protocol):
    async def interrupt(self) -> None: ...


@asynccontextmanager
async def _interrupted(connection: AsyncConnection, seconds: float) -> AsyncIterator[None]:
    raw = cast("_Interruptible", (await connection.get_raw_connection()).driver_connection)

    async def interrupt() -> None:
        await asyncio.sleep(seconds)
        await raw.interrupt()

    waiting = asyncio.create_task(interrupt())
    try:
        yield
    finally:
        waiting.cancel()


def _was_given_up(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None) or getattr(error.orig, "sqlstate", None)
    return code in {sqlite3.SQLITE_INTERRUPT, _CANCELLED}
