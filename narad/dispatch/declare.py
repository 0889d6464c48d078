"""Bringing the topology into being; declaring what exists already changes nothing."""

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel

from narad.dispatch.topology import DEAD_LETTER_EXCHANGE, DEAD_LETTER_KEY, DEAD_LETTERS, QueueSpec


async def declare(channel: AbstractChannel, queue: QueueSpec) -> None:
    """Declare one queue."""
    await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))


async def declare_dead_letters(channel: AbstractChannel) -> None:
    """Declare the exchange and the queue of dead letters, and bind them."""
    exchange = await channel.declare_exchange(DEAD_LETTER_EXCHANGE, ExchangeType.DIRECT, durable=True)
    queue = await channel.declare_queue(DEAD_LETTERS.name, durable=True, arguments=dict(DEAD_LETTERS.arguments))
    await queue.bind(exchange, DEAD_LETTER_KEY)
