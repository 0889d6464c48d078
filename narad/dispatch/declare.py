"""Bringing the topology into being; declaring what exists already changes nothing."""

from collections.abc import Sequence
from uuid import UUID

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractExchange

from narad.dispatch.topology import (
    CONTROL_ARGUMENTS,
    CONTROL_EXCHANGE,
    DEAD_LETTER_EXCHANGE,
    DEAD_LETTER_KEY,
    DEAD_LETTERS,
    EVENT_ARGUMENTS,
    EVENT_EXCHANGE,
    QueueSpec,
)


async def declare(channel: AbstractChannel, queue: QueueSpec) -> int:
    """Declare one queue; returns how many messages are ready in it."""
    declared = await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    return declared.declaration_result.message_count or 0


async def declare_control(channel: AbstractChannel) -> AbstractExchange:
    """Declare the exchange that carries orders to workers."""
    return await channel.declare_exchange(CONTROL_EXCHANGE, ExchangeType.DIRECT, durable=True)


async def declare_ear(channel: AbstractChannel, worker_id: UUID) -> str:
    """Declare the queue in which one worker hears orders, and return its name."""
    exchange = await declare_control(channel)
    queue = await channel.declare_queue(exclusive=True, auto_delete=True, arguments=dict(CONTROL_ARGUMENTS))
    await queue.bind(exchange, str(worker_id))
    return queue.name


async def declare_event_ear(channel: AbstractChannel, keys: Sequence[str]) -> str:
    """Declare the queue in which one process hears events, or calls for them, and return its name."""
    exchange = await channel.declare_exchange(EVENT_EXCHANGE, ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(exclusive=True, auto_delete=True, arguments=dict(EVENT_ARGUMENTS))
    for key in keys:
        await queue.bind(exchange, key)
    return queue.name


async def declare_dead_letters(channel: AbstractChannel) -> int:
    """Declare the exchange and the queue of dead letters, and bind them; how many are ready in it."""
    exchange = await channel.declare_exchange(DEAD_LETTER_EXCHANGE, ExchangeType.DIRECT, durable=True)
    queue = await channel.declare_queue(DEAD_LETTERS.name, durable=True, arguments=dict(DEAD_LETTERS.arguments))
    await queue.bind(exchange, DEAD_LETTER_KEY)
    return queue.declaration_result.message_count or 0
