"""Stores on either database, with the schema in place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from narad.store.database import Database, parse_url
from narad.store.migrating import migrate_schema
from narad.store.store import Store

LEASE = timedelta(seconds=30)
GUARD = timedelta(seconds=5)


@asynccontextmanager
async def opened(url: str, *, timeout_seconds: float = 20, list_seconds: float = 20) -> AsyncIterator[Store]:
    """A store on the database, with connections of its own: what another process would have."""
    database = Database(parse_url(url), pool_size=5, timeout_seconds=timeout_seconds)
    try:
        yield Store(database, lease=LEASE, guard=GUARD, list_seconds=list_seconds)
    finally:
        await database.close()


def migrate(url: str) -> None:
    """Bring a database to head; for fixtures that are no coroutines."""

    async def work() -> None:
        async with opened(url) as store:
            await migrate_schema(store.database)

    asyncio.run(work())
