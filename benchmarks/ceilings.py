"""What bounds a drain, each as a process of its own: a bare SQL loop, and bare consumers of a quorum queue.

`python -m benchmarks.ceilings sql URL`, `… aio_pika URL COUNT`, `… aiormq URL COUNT`; prints the seconds as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import aio_pika
import aiormq
import asyncpg
import uvloop
from aiormq.abc import DeliveredMessage

from narad.dispatch.topology import lane_queue
from narad.domain.message import encode
from narad.domain.status import Priority
from narad.domain.task import Lane
from narad.ids import new_id

_BATCH = 500
_WINDOW = 256
_PREFETCH = 200
_ACK_EVERY = 50
_QUEUE = "ceiling"
_WORKER = UUID("00000000-0000-7000-8000-000000000001")

# The life of a task, reduced to its essence: no lease, no deadline, one priority, no check of anything else.
_CLAIM = """
UPDATE tasks SET status = 2, attempt = attempt + 1, worker_id = $1, started_at = now(), due_at = NULL,
       version = version + 1
WHERE id = ANY(ARRAY(SELECT id FROM tasks WHERE status IN (0, 1) AND queue = 'default' AND priority = 1
                     AND run_at <= now() ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING id, attempt, payload
"""
_FINISH = """
UPDATE tasks AS t SET status = 3, result = v.result, finished_at = now(), version = t.version + 1
FROM unnest($1::uuid[], $2::int[], $3::json[]) AS v (id, attempt, result)
WHERE t.id = v.id AND t.attempt = v.attempt AND t.status = 2 RETURNING t.id
"""


async def sql(url: str) -> float:
    """Claim and finish what waits in batches on one connection, until nothing does."""
    connection = await asyncpg.connect(url)
    try:
        claim, finish = await connection.prepare(_CLAIM), await connection.prepare(_FINISH)
        begin = time.perf_counter()
        while rows := await claim.fetch(_WORKER, _BATCH):
            ids, attempts, results = zip(*rows, strict=True)
            await finish.fetch(ids, attempts, results)
        return time.perf_counter() - begin
    finally:
        await connection.close()


async def through_aio_pika(url: str, count: int) -> float:
    """Consume with aio-pika's callback, with an ack for each message."""
    await _publish(url, count)
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(_PREFETCH)
        queue = await channel.get_queue(_QUEUE, ensure=False)
        times = _Times(count)

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            await message.ack()
            times.note()

        await queue.consume(take)
        return await times.between()


async def through_aiormq(url: str, count: int) -> float:
    """Consume with aiormq, with one ack for many messages."""
    await _publish(url, count)
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    await channel.basic_qos(prefetch_count=_PREFETCH)
    times = _Times(count)

    async def take(message: DeliveredMessage) -> None:
        times.note()
        if (times.taken % _ACK_EVERY == 0 or times.taken == count) and message.delivery_tag is not None:
            await channel.basic_ack(message.delivery_tag, multiple=True)

    await channel.basic_consume(_QUEUE, take)
    seconds = await times.between()
    await connection.close()
    return seconds


class _Times:
    """When the first and the last of some messages came."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first = self._last = 0.0
        self._done = asyncio.Event()
        self.taken = 0

    def note(self) -> None:
        self._last = time.perf_counter()
        self._first = self._first or self._last
        self.taken += 1
        if self.taken == self._count:
            self._done.set()

    async def between(self) -> float:
        await self._done.wait()
        return self._last - self._first


async def _publish(url: str, count: int) -> None:
    """Fill a quorum queue like those of Narad with messages like those of Narad."""
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    arguments: dict[str, Any] = dict(lane_queue(Lane("default", Priority.MEDIUM)).arguments)
    await channel.queue_declare(_QUEUE, durable=True, arguments=arguments)
    for first in range(0, count, _WINDOW):
        window = range(first, min(first + _WINDOW, count))
        await asyncio.gather(*(channel.basic_publish(encode(new_id()), routing_key=_QUEUE) for _ in window))
    await connection.close()


_WITH_COUNT: dict[str, Callable[[str, int], Awaitable[float]]] = {
    "aio_pika": through_aio_pika,
    "aiormq": through_aiormq,
}


async def _measure(kind: str, url: str, *rest: str) -> float:
    return await (sql(url) if kind == "sql" else _WITH_COUNT[kind](url, int(rest[0])))


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_measure(*sys.argv[1:]))))
