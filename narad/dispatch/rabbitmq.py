"""Dispatch through RabbitMQ: durable quorum queues, one per lane; publisher confirms; push to workers."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import aiormq
import structlog
from aio_pika.abc import AbstractChannel
from aiormq.abc import AbstractChannel as UnderlayChannel
from pamqp.commands import Basic
from typing_extensions import override

from narad.dispatch import topology
from narad.dispatch.base import Dispatch, Subscription
from narad.dispatch.declare import declare, declare_dead_letters
from narad.dispatch.link import Link
from narad.dispatch.subscription import RabbitSubscription
from narad.domain import message
from narad.domain.status import Priority
from narad.domain.task import HandOver, Lane
from narad.errors import BrokerUnavailableError

log = structlog.get_logger(__name__)

_PERSISTENT = 2


class RabbitDispatch(Dispatch):
    """Publishes on one connection and consumes on others: a broker that holds back publishers blocks no consumer."""

    def __init__(self, urls: Sequence[str], *, timeout_seconds: float) -> None:
        self._urls = urls
        self._timeout_seconds = timeout_seconds
        self._link = Link(urls, "publish", build=self._build, drop=self._drop, timeout_seconds=timeout_seconds)
        self._channel: AbstractChannel | None = None
        self._underlay: UnderlayChannel | None = None
        self._declared: set[Lane] = set()

    @property
    @override
    def may_lose(self) -> bool:
        return True

    @property
    @override
    def available(self) -> bool:
        return self._underlay is not None

    @override
    async def start(self) -> None:
        await self._link.start()

    @override
    async def stop(self) -> None:
        await self._link.stop()

    @override
    async def subscribe(self, queues: Sequence[str], prefetch: Mapping[Priority, int]) -> Subscription:
        subscription = RabbitSubscription(self._urls, queues, prefetch, timeout_seconds=self._timeout_seconds)
        await subscription.start()
        return subscription

    @override
    async def hand_over(self, tasks: Sequence[HandOver]) -> Sequence[UUID]:
        channel, underlay = self._channel, self._underlay
        if channel is None or underlay is None:
            raise BrokerUnavailableError("There is no connection to the broker.")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._declare(channel, {Lane(task.queue, task.priority) for task in tasks})
        except (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError) as error:
            self._link.broken()
            raise BrokerUnavailableError(f"The broker refuses to declare a queue: {error!r}.") from error
        confirmed = await asyncio.gather(*(self._publish(underlay, task) for task in tasks))
        return [task.id for task, yes in zip(tasks, confirmed, strict=True) if yes]

    async def _publish(self, channel: UnderlayChannel, task: HandOver) -> bool:
        lane = Lane(task.queue, task.priority)
        properties = Basic.Properties(
            content_type="application/json",
            delivery_mode=_PERSISTENT,
            message_id=f"{task.id}:{task.attempt}:{task.handovers}",
            timestamp=datetime.now(UTC),
        )
        try:
            await channel.basic_publish(
                message.encode(task.id),
                routing_key=topology.lane_queue(lane).name,
                properties=properties,
                mandatory=True,
                timeout=self._timeout_seconds,
            )
        except aiormq.exceptions.PublishError:
            log.warning("broker.unroutable", queue=task.queue, priority=task.priority, task_id=str(task.id))
            self._declared.discard(lane)
        except (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError) as error:
            log.warning("broker.not_confirmed", task_id=str(task.id), reason=repr(error))
        else:
            return True
        return False

    async def _declare(self, channel: AbstractChannel, lanes: set[Lane]) -> None:
        for lane in lanes - self._declared:
            await declare(channel, topology.lane_queue(lane))
            self._declared.add(lane)

    async def _build(self, link: Link) -> None:
        self._channel, underlay = await link.open_channel()
        await declare_dead_letters(self._channel)
        self._underlay = underlay

    def _drop(self) -> None:
        self._channel = self._underlay = None
        self._declared.clear()
