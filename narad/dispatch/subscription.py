"""The worker's end of RabbitMQ: one channel and one consumer per lane, and the deliveries in hand."""

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import aiormq
import structlog
from aiormq.abc import DeliveredMessage, FieldTable
from aiormq.channel import Channel as UnderlayChannel
from pamqp.commands import Basic
from typing_extensions import override

from narad.dispatch import topology
from narad.dispatch.base import Control, Delivery, Subscription
from narad.dispatch.declare import declare, declare_dead_letters, declare_ear
from narad.dispatch.link import Link, foreign_ends
from narad.domain.message import UndecodableMessageError, decode_stop
from narad.domain.status import Priority
from narad.domain.task import Lane

log = structlog.get_logger(__name__)

REASON_HEADER = "x-narad-reason"
LANE_HEADER = "x-narad-lane"
"""Of a dead letter: the queue of the broker that it came from, where it can be sent again."""
_PERSISTENT = 2
_FAULTS = (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)


@dataclass(frozen=True, slots=True, eq=False)
class RabbitDelivery(Delivery):
    """A delivery with its tag, which means something on its channel alone."""

    channel: UnderlayChannel
    tag: int


class RabbitSubscription(Subscription):
    """Deliveries in hand, by lane. They die with their connection: the broker delivers them again."""

    def __init__(
        self,
        urls: Sequence[str],
        queues: Sequence[str],
        prefetch: Mapping[Priority, int],
        control: Control,
        *,
        timeout_seconds: float,
    ) -> None:
        super().__init__(control)
        self._lanes = [lane for queue in queues for lane in topology.lanes(queue)]
        self._prefetch = prefetch
        self._timeout_seconds = timeout_seconds
        self._in_hand: dict[Lane, deque[Delivery]] = {lane: deque() for lane in self._lanes}
        self._attached = False
        self._paused = False
        self._held: frozenset[str] = frozenset()
        self._consumed: set[UnderlayChannel] = set()
        self._changing = asyncio.Lock()
        self._channels: list[tuple[Lane, UnderlayChannel]] = []
        self._heard_at: dict[Lane, float] = {}
        self._link = Link(urls, "consume", build=self._build, drop=self._drop, timeout_seconds=timeout_seconds)

    async def start(self) -> None:
        """Connect, and keep connected."""
        await self._link.start()

    @override
    async def close(self) -> None:
        await self._link.stop()

    @property
    @override
    def attached(self) -> bool:
        return self._attached

    @override
    def heads(self) -> Mapping[Lane, float]:
        return {lane: deliveries[0].published_at for lane, deliveries in self._in_hand.items() if deliveries}

    @override
    def head(self, lane: Lane) -> float | None:
        deliveries = self._in_hand[lane]
        return deliveries[0].published_at if deliveries else None

    @override
    def take(self, lane: Lane) -> Delivery:
        return self._in_hand[lane].popleft()

    @override
    def put_back(self, deliveries: Sequence[Delivery]) -> None:
        current = {channel for _, channel in self._channels}
        for delivery in reversed(deliveries):
            if _handle(delivery)[0] in current:
                self._in_hand[delivery.lane].appendleft(delivery)

    @override
    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        current = {channel for _, channel in self._channels}
        latest: dict[UnderlayChannel, int] = {}
        for delivery in deliveries:
            channel, tag = _handle(delivery)
            if channel in current:
                latest[channel] = max(tag, latest.get(channel, 0))
        for channel, tag in latest.items():
            try:
                with foreign_ends():
                    # All that came before on this channel: it was taken earlier, and settled before this one was taken.
                    await channel.basic_ack(tag, multiple=True, wait=False)
            except (aiormq.exceptions.AMQPError, OSError, RuntimeError):
                log.debug("broker.ack_lost", tag=tag)

    @override
    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """A copy with the reason in a header, then the ack: a plain reject would lose the reason."""
        channel, tag = _handle(delivery)
        headers: FieldTable = {REASON_HEADER: reason, LANE_HEADER: topology.lane_queue(delivery.lane).name}
        properties = Basic.Properties(delivery_mode=_PERSISTENT, headers=headers)
        try:
            with foreign_ends():
                await channel.basic_publish(
                    delivery.body,
                    exchange=topology.DEAD_LETTER_EXCHANGE,
                    routing_key=topology.DEAD_LETTER_KEY,
                    properties=properties,
                    mandatory=True,
                    timeout=self._timeout_seconds,
                )
                await channel.basic_ack(tag)
        except (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError) as error:
            log.warning("broker.dead_letter_failed", reason=repr(error))
            self._drop()
            self._link.broken()

    @override
    async def pause(self) -> None:
        self._paused = True
        await self._adjust()

    @override
    async def resume(self) -> None:
        self._paused = False
        await self._adjust()

    @override
    async def hold(self, queues: Collection[str]) -> None:
        self._held = frozenset(queues)
        await self._adjust()

    @override
    async def renew(self, quiet_seconds: float) -> None:
        """Consume anew where it is quiet.

        A broker tells the consumers of a queue that it is deleted, but not where the queue had lost its leader: they
        stay attached to nothing, while messages gather in the queue that took its place.
        """
        if self._paused:
            return
        before = time.monotonic() - quiet_seconds
        try:
            with foreign_ends():
                for lane, channel in list(self._channels):
                    if channel in self._consumed and self._heard_at[lane] < before and not self._in_hand[lane]:
                        await channel.basic_cancel(_tag(lane), timeout=self._timeout_seconds)
                        await self._consume(lane, channel)
        except _FAULTS:
            self._link.broken()

    @override
    def rebuild(self) -> None:
        self._link.broken()

    async def _build(self, link: Link) -> None:
        channel, underlay = await link.open_channel()
        ear = await declare_ear(channel, self.control.worker_id())
        await underlay.basic_consume(ear, self._hear, no_ack=True)
        for lane in self._lanes:
            channel, underlay = await link.open_channel()
            queue = topology.lane_queue(lane)
            await declare_dead_letters(channel)
            await declare(channel, queue)
            await channel.set_qos(prefetch_count=self._prefetch[lane.priority])
            self._channels.append((lane, underlay))
        await self._consume_as_wanted()
        self._attached = True
        self.hint()

    async def _adjust(self) -> None:
        """Let go of lanes that should not be pushed now, and consume from those that should."""
        try:
            with foreign_ends():
                await self._consume_as_wanted()
        except _FAULTS:
            self._link.broken()
            for lane, hand in self._in_hand.items():
                if not self._is_wanted(lane):
                    hand.clear()

    async def _consume_as_wanted(self) -> None:
        """What is wanted may change meanwhile; whoever changes it comes here afterwards, and waits for its turn."""
        async with self._changing:
            for lane, channel in list(self._channels):
                if self._is_wanted(lane) and channel not in self._consumed:
                    await self._consume(lane, channel)
                elif not self._is_wanted(lane) and channel in self._consumed:
                    await self._let_go(lane, channel)

    def _is_wanted(self, lane: Lane) -> bool:
        return not self._paused and lane.queue not in self._held

    async def _let_go(self, lane: Lane, channel: UnderlayChannel) -> None:
        await channel.basic_cancel(_tag(lane), timeout=self._timeout_seconds)
        self._consumed.discard(channel)
        hand = self._in_hand[lane]
        while hand:
            await channel.basic_nack(_handle(hand.popleft())[1], requeue=True, wait=False)

    async def _consume(self, lane: Lane, channel: UnderlayChannel) -> None:
        queue = topology.lane_queue(lane)
        self._heard_at[lane] = time.monotonic()
        self._consumed.add(channel)
        deliver = partial(self._deliver, lane, channel)
        await channel.basic_consume(queue.name, deliver, consumer_tag=_tag(lane), timeout=self._timeout_seconds)

    def _drop(self) -> None:
        self._attached = False
        self._channels.clear()
        self._consumed.clear()
        for deliveries in self._in_hand.values():
            deliveries.clear()
        self.hint()

    async def _hear(self, message: DeliveredMessage) -> None:
        try:
            self.control.stop(*decode_stop(message.body))
        except UndecodableMessageError as error:
            log.warning("control.undecodable", reason=str(error))

    async def _deliver(self, lane: Lane, channel: UnderlayChannel, message: DeliveredMessage) -> None:
        """Only put it aside: the library cancels this callback when the connection drops."""
        self._heard_at[lane] = time.monotonic()
        if channel not in self._consumed:
            # It was on its way when the lane was let go. There is no consumer any more, so it will not come back here.
            await self._return(channel, message.delivery_tag or 0)
            return
        published_at = message.header.properties.timestamp
        self._in_hand[lane].append(
            RabbitDelivery(
                body=message.body,
                lane=lane,
                published_at=published_at.timestamp() if isinstance(published_at, datetime) else time.time(),
                channel=channel,
                tag=message.delivery_tag or 0,
            )
        )
        self.hint()

    async def _return(self, channel: UnderlayChannel, tag: int) -> None:
        try:
            with foreign_ends():
                await channel.basic_nack(tag, requeue=True, wait=False)
        except _FAULTS:
            log.debug("broker.nack_lost", tag=tag)


def _tag(lane: Lane) -> str:
    """The consumer's tag; each lane has a channel of its own, so that it need not say more."""
    return f"narad.{lane.queue}.{lane.priority.lower()}"


def _handle(delivery: Delivery) -> tuple[UnderlayChannel, int]:
    if not isinstance(delivery, RabbitDelivery):
        raise TypeError(f"{delivery!r} is not a delivery of RabbitMQ")
    return delivery.channel, delivery.tag
