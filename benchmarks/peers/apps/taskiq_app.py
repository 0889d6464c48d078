"""Taskiq: RabbitMQ through taskiq-aio-pika, results in PostgreSQL through taskiq-postgres on asyncpg."""

import asyncio
import os
import sys

from taskiq_aio_pika import AioPikaBroker
from taskiq_pg.asyncpg import AsyncpgResultBackend

_WINDOW = 200

broker = AioPikaBroker(os.environ["BENCH_BROKER_URL"], qos=100).with_result_backend(
    AsyncpgResultBackend(dsn=os.environ["BENCH_DATABASE_URL"])
)


@broker.task(task_name="noop")
async def noop(n: int) -> dict[str, int]:
    """Return the payload."""
    return {"n": n}


async def enqueue(count: int) -> None:
    """Send that many tasks."""
    await broker.startup()
    for first in range(0, count, _WINDOW):
        await asyncio.gather(*(noop.kiq(n=1) for _ in range(first, min(first + _WINDOW, count))))
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(enqueue(int(sys.argv[1])))
