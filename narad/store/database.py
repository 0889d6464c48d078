"""The database: engines for either kind, one place that runs statements and translates what goes wrong."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import URL, Executable, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from narad.errors import ConfigurationError, DataRejectedError, StoreUnavailableError
from narad.store.connections import Connections
from narad.store.deadline import Deadline, kept

OLDEST_SQLITE = (3, 38)
Parameters: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = list[Any]

_AWAY = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.InternalClientError,
)
_REFUSED = (DataError, IntegrityError, asyncpg.exceptions.DataError)
_PASSING = frozenset({"57P01", "57P02", "57P03", "53300", "25006", "40001", "40P01", "55P03"})
"""PostgreSQL's error codes (appendix A) for what passes by itself: stopping, crashed, starting up, too many
connections, read-only; and for what a repetition solves: serialization failure, deadlock, lock timeout."""
_NO_ENTRY = ("28", "3D")
"""Classes of error codes for a connection that is refused: authorization, unknown database."""
_BUSY_MILLISECONDS = 5_000
_WAL_PAUSE_SECONDS = 0.01
_CLOCK_QUESTIONS = 5
_NOTHING = text("SELECT 1")
_IN_ORDER = text("SET LOCAL enable_sort = off")
_TIME = text("SELECT clock_timestamp()")


class Database:
    """One database and the connections of this process to it.

    A statement given to `run` is a transaction of its own; `transaction` groups several. Both raise
    `StoreUnavailableError` when the database is away and `DataRejectedError` when it refuses the data.
    """

    def __init__(self, url: URL, *, pool_size: int, timeout_seconds: float) -> None:
        self.url = url
        self._under_way: set[asyncio.Task[Rows]] = set()
        self._timeout_seconds = timeout_seconds
        self._direct: Connections | None = None
        if self.is_sqlite:
            self._writer, self._reader = _sqlite_engines(url)
        else:
            options = _connect_options(timeout_seconds)
            # Half of the connections are for constant statements, so that none of them waits behind slow lists.
            share = max(1, pool_size // 2)
            self._writer = self._reader = _postgresql_engine(url, share, timeout_seconds, options)
            self._direct = Connections(self._writer.dialect, url, max(1, pool_size - share), options)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Rows:
        """Run one constant writing statement as a transaction of its own; returns the rows that it returns."""
        if self._direct is not None:
            return await self._bounded(self._direct.fetch(statement, parameters or {}))
        return await self._bounded(self._run(statement, parameters))

    async def read(self, statement: Executable, parameters: Parameters | None = None) -> Rows:
        """Run one constant reading statement; returns its rows."""
        if self._direct is not None:
            return await self._bounded(self._direct.fetch(statement, parameters or {}))
        return await self._bounded(self._read(statement, parameters))

    async def read_built(self, statement: Executable, *, deadline: Deadline | None = None) -> Rows:
        """Run one reading statement that was built for this call; returns its rows.

        Raises:
            QueryTooSlowError: a deadline was given, and came first.
        """
        if deadline is None:
            return await self._bounded(self._read(statement, None))
        return await self._bounded(self._read_by(deadline, statement))

    async def read_in_order(self, statement: Executable, parameters: Parameters) -> Rows:
        """Run a constant reading statement whose parts are to be served by indexes that have their order; its rows.

        PostgreSQL would else read all of another index and sort, where it takes a part for the smaller half of a table.
        """
        if self.is_sqlite:
            return await self.read(statement, parameters)
        async with self.transaction() as connection:
            await connection.execute(_IN_ORDER)
            return list((await connection.execute(statement, parameters)).all())

    @asynccontextmanager
    async def transaction(self, timeout_seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A writing transaction: committed at the end of the block, rolled back on an exception."""
        with _translated():
            async with asyncio.timeout(timeout_seconds or self._timeout_seconds), self._writer.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Ask for nothing, to see that the database answers."""
        await self.read(_NOTHING)

    async def clock_offset(self) -> timedelta:
        """How far the clock of the database is ahead of this machine's, to within half a round trip.

        A difference below that is none: on one host there is one clock. A SQLite file has none but that of its host.
        """
        if self.is_sqlite:
            return timedelta(0)
        # The first question may have to connect; the quickest answer tells the most.
        answers = [await self._ask_time() for _ in range(_CLOCK_QUESTIONS)]
        took, offset = min(answers)
        return offset if abs(offset) > took / 2 else timedelta(0)

    async def _ask_time(self) -> tuple[timedelta, timedelta]:
        """How long the answer took, and the difference of the clocks that it tells."""
        asked_at = datetime.now(UTC)
        ((answer,),) = await self.read(_TIME)
        moment: datetime = answer
        took = datetime.now(UTC) - asked_at
        return took, moment - (asked_at + took / 2)

    async def close(self) -> None:
        """Give back every connection, after the statements that are still under way."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._timeout_seconds)
        if self._direct is not None:
            await self._direct.close()
        await self._writer.dispose()
        await self._reader.dispose()

    async def _run(self, statement: Executable, parameters: Parameters | None) -> Rows:
        async with self._writer.begin() as connection:
            result = await connection.execute(statement, parameters)
            return list(result.all()) if result.returns_rows else []

    async def _read(self, statement: Executable, parameters: Parameters | None) -> Rows:
        async with self._reader.connect() as connection:
            return list((await connection.execute(statement, parameters)).all())

    async def _read_by(self, deadline: Deadline, statement: Executable) -> Rows:
        async with self._reader.connect() as connection, kept(deadline, connection):
            return list((await connection.execute(statement)).all())

    async def _bounded(self, work: Coroutine[None, None, Rows]) -> Rows:
        """Wait for an answer, at most as long as is set.

        On a dead network the clean-up of a connection takes seconds more; whoever waits is told before it.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        answer: asyncio.Future[None] = loop.create_future()

        def tell(_: object) -> None:
            if not answer.done():
                answer.set_result(None)

        task.add_done_callback(tell)
        limit = loop.call_later(self._timeout_seconds, answer.cancel)
        try:
            await answer
        except asyncio.CancelledError:
            task.cancel()
            if not answer.cancelled() or (current := asyncio.current_task()) is None or current.cancelling():
                raise
            raise StoreUnavailableError(f"no answer within {self._timeout_seconds:g} s") from None
        finally:
            limit.cancel()
        with _translated():
            return task.result()

    def _ended(self, task: "asyncio.Task[Rows]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # so that one that nobody waits for any more is not reported as forgotten


@contextmanager
def _translated() -> Iterator[None]:
    """Make ours of what drivers raise."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _translate(error) from error
    except _AWAY as error:
        raise StoreUnavailableError(_first_line(error)) from error


def parse_url(value: str) -> URL:
    """The address of a database as users write it, with our driver put in.

    Raises:
        ConfigurationError: the address is malformed or names a database that is not supported.
    """
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        message = "NARAD_DATABASE_URL is not an address such as postgresql://user:password@host:port/database."
        raise ConfigurationError(message) from None
    match url.get_backend_name():
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+asyncpg")
        case "sqlite":
            if not url.database or url.database == ":memory:":
                message = (
                    "NARAD_DATABASE_URL names a SQLite database in memory, which several connections cannot share."
                )
                raise ConfigurationError(message)
            return url.set(drivername="sqlite+aiosqlite")
        case other:
            message = f"NARAD_DATABASE_URL names {other!r}; postgresql and sqlite are supported."
            raise ConfigurationError(message)


def _connect_options(timeout_seconds: float) -> Mapping[str, Any]:
    """What every connection to PostgreSQL has."""
    return {
        "timeout": timeout_seconds,
        "server_settings": {
            "application_name": "narad",
            "jit": "off",
            # Every statement reaches its rows by an index. PostgreSQL keeps a plan that it made while a table was
            # small, and such a plan might read all of a large one.
            "enable_seqscan": "off",
            # A slow list has one core at most, and leaves the others to what tasks wait for.
            "max_parallel_workers_per_gather": "0",
            "timezone": "UTC",
            "idle_in_transaction_session_timeout": str(int(timeout_seconds * 2_000)),
        },
    }


def _postgresql_engine(url: URL, pool_size: int, timeout_seconds: float, options: Mapping[str, Any]) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout_seconds,
        pool_pre_ping=False,
        hide_parameters=True,
        connect_args=dict(options),
    )


def _sqlite_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """One connection that writes, each transaction from its first statement on, and several that read beside it."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        message = (
            f"SQLite {sqlite3.sqlite_version} is too old: 3.38 or newer is needed. Use PostgreSQL, or another Python."
        )
        raise ConfigurationError(message)
    folder = Path(url.database or "").absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"NARAD_DATABASE_URL: cannot make {folder}: {error.strerror}.") from error
    writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=_BUSY_MILLISECONDS / 1_000)
    reader = create_async_engine(url, pool_size=4, max_overflow=0)
    for engine in (writer, reader):
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(writer.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return writer, reader


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    """Leave transactions to us, and trade nothing of durability for speed."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _switch_to_wal(cursor)
    # SQLite's own knows no letters but those of ASCII.
    connection.run_async(lambda raw: raw.create_function("lower", 1, _lower, deterministic=True))
    cursor.close()


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _switch_to_wal(cursor: DBAPICursor) -> None:
    """Done once in the life of a file. Two processes that do it at once do not wait for each other, so we do."""
    deadline = time.monotonic() + _BUSY_MILLISECONDS / 1_000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _translate(error: DBAPIError | asyncpg.PostgresError | asyncpg.InterfaceError) -> Exception:
    code = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None) or ""
    if isinstance(error, _REFUSED) or code.startswith(("22", "23")):
        return DataRejectedError(_first_line(error))
    if (
        type(error) is DatabaseError  # what SQLite says of a file that is none of its own
        or (isinstance(error, DBAPIError) and error.connection_invalidated)
        or isinstance(error, _AWAY)
        or code.startswith(("08", *_NO_ENTRY))
        or code in _PASSING
    ):
        return StoreUnavailableError(_first_line(error))
    return error


def _first_line(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(cause) or type(cause).__name__).splitlines()[0]
