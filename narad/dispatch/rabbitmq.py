"""Dispatch through RabbitMQ: durable quorum queues, one per lane; publisher confirms; push to workers."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import aiormq
import structlog
from aio_pika.abc import AbstractChannel
from typing_extensions import override

from narad.dispatch.base import Control, Dispatch, StopOrder, Subscription
from narad.dispatch.declare import declare, declare_control, declare_dead_letters
from narad.dispatch.link import Link, foreign_ends
from narad.dispatch.publisher import Confirmation, Parcel, Publisher
from narad.dispatch.subscription import RabbitSubscription
from narad.dispatch.topology import lane_queue
from narad.domain.message import MOST_IDS
from narad.domain.status import Priority
from narad.domain.task import HandOver, Lane
from narad.errors import BrokerUnavailableError

log = structlog.get_logger(__name__)

_FAULTS = (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)


class RabbitDispatch(Dispatch):
    """Publishes on one connection and consumes on others: a broker that holds back publishers blocks no consumer."""

    def __init__(self, urls: Sequence[str], *, timeout_seconds: float) -> None:
        self._urls = urls
        self._timeout_seconds = timeout_seconds
        self._link = Link(urls, "publish", build=self._build, drop=self._drop, timeout_seconds=timeout_seconds)
        self._channel: AbstractChannel | None = None
        self._publisher: Publisher | None = None
        self._declared: set[Lane] = set()

    @property
    @override
    def may_lose(self) -> bool:
        return True

    @property
    @override
    def available(self) -> bool:
        return self._publisher is not None

    @override
    async def start(self) -> None:
        await self._link.start()

    @override
    async def stop(self) -> None:
        await self._link.stop()

    @override
    async def subscribe(
        self, queues: Sequence[str], prefetch: Mapping[Priority, int], control: Control
    ) -> Subscription:
        subscription = RabbitSubscription(self._urls, queues, prefetch, control, timeout_seconds=self._timeout_seconds)
        await subscription.start()
        return subscription

    @override
    async def hand_over(self, tasks: Sequence[HandOver], *, deep: Collection[Lane] = ()) -> Sequence[UUID]:
        channel, publisher = self._channel, self._publisher
        if channel is None or publisher is None:
            raise BrokerUnavailableError("There is no connection to the broker.")
        parcels = _parcels(tasks, deep)
        for lane in {parcel.lane for parcel in parcels} - self._declared:
            await self._declare(channel, lane)
        confirmations = await publisher.publish(parcels)
        await self._repair(channel, parcels, confirmations)
        taken = [parcel for parcel, said in zip(parcels, confirmations, strict=True) if said is Confirmation.TAKEN]
        return [task.id for parcel in taken for task in parcel.tasks]

    @override
    async def depth(self, lane: Lane) -> int | None:
        if self._channel is None:
            return None
        return await self._declare(self._channel, lane)

    @override
    async def order_stop(self, order: StopOrder) -> bool:
        return self._publisher is not None and await self._publisher.order_stop(order)

    async def _declare(self, channel: AbstractChannel, lane: Lane) -> int:
        """Declare the queue of a lane; a broker that cannot even do that gets a new connection."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                with foreign_ends():
                    ready = await declare(channel, lane_queue(lane))
        except _FAULTS as error:
            self._link.broken()
            raise BrokerUnavailableError(f"The broker does not declare a queue: {error!r}.") from error
        self._declared.add(lane)
        return ready

    async def _repair(
        self, channel: AbstractChannel, parcels: Sequence[Parcel], confirmations: Sequence[Confirmation]
    ) -> None:
        """Make lanes whole that did not take what they were given.

        A quorum queue whose node was killed right after its declaration may come back without a leader: it can be
        declared, and never confirms anything again. Deleting it is safe, since messages are hints and the rows are not.
        """
        said: dict[Lane, set[Confirmation]] = {}
        for parcel, confirmation in zip(parcels, confirmations, strict=True):
            said.setdefault(parcel.lane, set()).add(confirmation)
        for lane, answers in said.items():
            if Confirmation.UNROUTABLE in answers:
                self._declared.discard(lane)
            if answers == {Confirmation.SILENCE}:
                await self._declare(channel, lane)
                await self._replace(channel, lane)

    async def _replace(self, channel: AbstractChannel, lane: Lane) -> None:
        log.warning("broker.queue_replaced", queue=lane.queue, priority=lane.priority)
        self._declared.discard(lane)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                with foreign_ends():
                    await channel.queue_delete(lane_queue(lane).name, if_unused=False, if_empty=False)
        except _FAULTS as error:
            log.warning("broker.queue_not_deleted", queue=lane.queue, priority=lane.priority, reason=repr(error))
        # What is outstanding on the old channel would keep later confirms waiting.
        self._link.broken()

    async def _build(self, link: Link) -> None:
        self._channel, underlay = await link.open_channel()
        await declare_dead_letters(self._channel)
        await declare_control(self._channel)
        self._publisher = Publisher(underlay, timeout_seconds=self._timeout_seconds)

    def _drop(self) -> None:
        self._channel = self._publisher = None
        self._declared.clear()


def _parcels(tasks: Sequence[HandOver], deep: Collection[Lane]) -> list[Parcel]:
    """The tasks by message: each has one of its own, but where a backlog waits they share."""
    by_lane: dict[Lane, list[HandOver]] = {}
    for task in tasks:
        by_lane.setdefault(Lane(task.queue, task.priority), []).append(task)
    parcels = []
    for lane, of_lane in by_lane.items():
        size = MOST_IDS if lane in deep else 1
        parcels += [Parcel(lane, tuple(of_lane[at : at + size])) for at in range(0, len(of_lane), size)]
    return parcels
