"""Procrastinate: PostgreSQL alone."""

import asyncio
import os
import sys

from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_DATABASE_URL"], max_size=10))


@app.task(name="noop")
async def noop(n: int) -> dict[str, int]:
    """Return the payload."""
    return {"n": n}


async def enqueue(count: int) -> None:
    """Create the schema, and defer that many jobs."""
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await noop.batch_defer_async(*({"n": 1} for _ in range(count)))


if __name__ == "__main__":
    asyncio.run(enqueue(int(sys.argv[1])))
