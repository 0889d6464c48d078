"""Messages as they lie in RabbitMQ, taken and published past Narad."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import NamedTuple

import aio_pika

from tests.support.servers import Rabbit

_MOST = 10_000


class Message(NamedTuple):
    """A message and the queue that it lies in."""

    queue: str
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


def take_all(rabbit: Rabbit, vhost: str, queues: Iterable[str]) -> list[Message]:
    """Take every ready message out of these queues."""
    return [
        Message(queue, message["payload"].encode()) for queue in queues for message in rabbit.get(vhost, queue, _MOST)
    ]


def publish(url: str, messages: Sequence[Message]) -> None:
    """Publish straight into the queues, each message confirmed; one for which there is no queue is an error."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _publish(url, messages)).result()


async def _publish(url: str, messages: Sequence[Message]) -> None:
    async with await aio_pika.connect(url) as connection, connection.channel(on_return_raises=True) as channel:
        exchange = channel.default_exchange
        await asyncio.gather(
            *(exchange.publish(aio_pika.Message(m.body, headers={**m.headers}), routing_key=m.queue) for m in messages)
        )
