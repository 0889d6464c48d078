"""The servers the other tests rely on: they start, keep what was committed or confirmed, and lose it when wiped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aio_pika
import asyncpg

from tests.support.servers import Postgres, Rabbit

# A new quorum queue is entered into the node's directory of Raft members (names.dets) half a second late, and nothing
# tells when. A node killed earlier comes back with a queue that never elects a leader: RabbitMQ 3.10 loses it.
_REGISTERED_SECONDS = 1.0


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def declare(channel: aio_pika.abc.AbstractChannel) -> aio_pika.abc.AbstractQueue:
    return await channel.declare_queue("orders", durable=True, arguments={"x-queue-type": "quorum"})


async def publish(url: str, body: bytes) -> None:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        await declare(channel)
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "orders", mandatory=True)


async def take(url: str) -> bytes | None:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        queue = await declare(channel)
        message = await queue.get(no_ack=True, fail=False, timeout=10)
        return message.body if message else None


async def test_a_database_answers_over_its_url(postgres_database: str) -> None:
    async with connected(postgres_database) as connection:
        await connection.execute("CREATE TABLE t (n integer)")
        await connection.execute("INSERT INTO t VALUES (42)")

        assert await connection.fetchval("SELECT n FROM t") == 42


async def test_a_database_is_a_copy_of_its_template(postgres_server: Postgres, postgres_database: str) -> None:
    async with connected(postgres_database) as connection:
        await connection.execute("CREATE TABLE t AS SELECT 42 AS n")
    template = urlsplit(postgres_database).path.strip("/")

    postgres_server.create_database(f"{template}_copy", template=template)

    try:
        async with connected(postgres_server.url(f"{template}_copy")) as connection:
            assert await connection.fetchval("SELECT n FROM t") == 42
    finally:
        postgres_server.drop_database(f"{template}_copy")


async def test_postgres_keeps_what_was_committed_when_killed(postgres_server: Postgres, postgres_database: str) -> None:
    async with connected(postgres_database) as connection:
        await connection.execute("CREATE TABLE t AS SELECT 42 AS n")
        port = postgres_server.port

        await asyncio.to_thread(postgres_server.kill)
        assert not postgres_server.running

    await asyncio.to_thread(postgres_server.start)
    assert postgres_server.port == port
    async with connected(postgres_database) as connection:
        assert await connection.fetchval("SELECT n FROM t") == 42


async def test_rabbitmq_keeps_confirmed_messages_when_killed(rabbit_server: Rabbit, vhost: str) -> None:
    await publish(vhost, b"survives")
    await asyncio.sleep(_REGISTERED_SECONDS)

    await asyncio.to_thread(rabbit_server.kill)
    await asyncio.to_thread(rabbit_server.start)

    assert await take(vhost) == b"survives"
    assert await take(vhost) is None


async def test_rabbitmq_keeps_confirmed_messages_when_stopped(rabbit_server: Rabbit, vhost: str) -> None:
    await publish(vhost, b"survives")

    await asyncio.to_thread(rabbit_server.stop)
    await asyncio.to_thread(rabbit_server.start)

    assert await take(vhost) == b"survives"


async def test_rabbitmq_is_empty_after_a_wipe(rabbit_server: Rabbit, vhost: str) -> None:
    name = urlsplit(vhost).path.strip("/")
    await publish(vhost, b"is lost")

    await asyncio.to_thread(rabbit_server.wipe)
    await asyncio.to_thread(rabbit_server.start)

    rabbit_server.create_vhost(name)
    assert rabbit_server.queues(name) == []
    assert await take(vhost) is None


async def test_messages_can_be_looked_at_and_dropped(rabbit_server: Rabbit, vhost: str) -> None:
    name = urlsplit(vhost).path.strip("/")
    await publish(vhost, b"first")
    await publish(vhost, b"second")

    looked_at = rabbit_server.get(name, "orders", 10, requeue=True)
    taken = rabbit_server.get(name, "orders")
    rabbit_server.purge(name, "orders")

    assert [message["payload"] for message in looked_at] == ["first", "second"]
    assert len(taken) == 1
    assert await take(vhost) is None
    assert [queue["name"] for queue in rabbit_server.queues(name)] == ["orders"]
    rabbit_server.delete_queue(name, "orders")
    assert rabbit_server.queues(name) == []
