"""Publishing on one channel: each message is answered for, one way or another, within a bounded time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache

import aiormq
import pamqp.frame
import structlog
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from narad.dispatch.base import StopOrder
from narad.dispatch.link import foreign_ends
from narad.dispatch.topology import CONTROL_EXCHANGE, lane_queue
from narad.domain import message
from narad.domain.task import HandOver, Lane

log = structlog.get_logger(__name__)


class Confirmation(Enum):
    """What the broker said to a message."""

    TAKEN = auto()
    UNROUTABLE = auto()
    REFUSED = auto()
    SILENCE = auto()


@dataclass(frozen=True, slots=True)
class Parcel:
    """Hand-overs of one lane that share a message; one at least."""

    lane: Lane
    tasks: tuple[HandOver, ...]


class Publisher:
    """Publishes on one channel, which has confirms and raises what is returned."""

    def __init__(self, channel: Channel, *, timeout_seconds: float) -> None:
        self._channel = channel
        self._timeout_seconds = timeout_seconds

    async def publish(self, parcels: Sequence[Parcel]) -> Sequence[Confirmation]:
        """Publish a message for each parcel, all in one go, and say of each what became of it.

        The library's own call is for one message and costs more than all else of a hand-over; this does the same for
        many. It keeps the books that the library keeps (delivery tags, pending confirms), under the same lock. Only, it
        hears once for all of them, and not by a future of the library's own for each, that the channel is closed.
        """
        if not parcels:
            return ()
        try:
            with foreign_ends():
                async with asyncio.timeout(self._timeout_seconds):
                    pending = await self._send(parcels)
        except TimeoutError:
            log.warning("broker.silent", messages=len(parcels))
            return [Confirmation.SILENCE] * len(parcels)
        except (aiormq.exceptions.AMQPError, OSError, RuntimeError) as error:
            log.warning("broker.not_confirmed", messages=len(parcels), reason=repr(error))
            return [Confirmation.REFUSED] * len(parcels)
        await self._until_answered(pending)
        for parcel in parcels:
            self._channel.message_id_delivery_tag.pop(_message_id(parcel), None)
        said = [_said(confirm) for confirm in pending]
        for answer in {*said} - {Confirmation.TAKEN}:
            log.warning("broker.not_taken", answer=answer.name.lower(), messages=said.count(answer))
        return said

    async def order_stop(self, order: StopOrder) -> bool:
        """Publish an order to a worker; whether its queue took it."""
        properties = Basic.Properties(message_id=f"stop:{order.task_id}:{order.attempt}")
        try:
            with foreign_ends():
                await self._channel.basic_publish(
                    message.encode_stop(order.task_id, order.attempt),
                    exchange=CONTROL_EXCHANGE,
                    routing_key=str(order.worker_id),
                    properties=properties,
                    mandatory=True,
                    timeout=self._timeout_seconds,
                )
        except (aiormq.exceptions.AMQPError, OSError, RuntimeError, TimeoutError) as error:
            log.info("broker.order_not_taken", worker_id=str(order.worker_id), reason=repr(error))
            return False
        return True

    async def _send(self, parcels: Sequence[Parcel]) -> list["asyncio.Future[object]"]:
        """Write all messages to the connection; returns what will hold the confirm of each."""
        channel = self._channel
        now = datetime.now(UTC)
        async with channel.lock:
            payload = b"".join(self._frames(parcel, now) for parcel in parcels)
            pending = [self._expect(parcel) for parcel in parcels]
            try:
                await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
            except BaseException:
                # The broker has seen none of them: the next message gets the number of the first.
                for parcel in parcels:
                    self._forget(parcel)
                raise
        return pending

    async def _until_answered(self, pending: Sequence["asyncio.Future[object]"]) -> None:
        """Wait until each message is answered for, the channel is closed, or the time is over."""

        def reject(_: object) -> None:
            for confirm in pending:
                if not confirm.done():
                    confirm.set_exception(ConnectionError("the channel was closed"))

        closed = self._channel.closing
        closed.add_done_callback(reject)
        try:
            await asyncio.wait(pending, timeout=self._timeout_seconds)
        finally:
            closed.remove_done_callback(reject)
            closed.cancel()

    def _frames(self, parcel: Parcel, now: datetime) -> bytes:
        number = self._channel.number
        body = message.encode(*(task.id for task in parcel.tasks))
        # No delivery mode: a quorum queue keeps every message. Each property costs, for the sender and the receiver.
        properties = Basic.Properties(message_id=_message_id(parcel), timestamp=now)
        header = pamqp.frame.marshal(ContentHeader(properties=properties, body_size=len(body)), number)
        return _publish_frame(parcel.lane, number) + header + _body_frame(body, number)

    def _expect(self, parcel: Parcel) -> "asyncio.Future[object]":
        """Make the next delivery tag that of this message, and wait for its confirm, or its return, from now on."""
        channel = self._channel
        channel.delivery_tag += 1
        confirm: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        channel.confirmations[channel.delivery_tag] = confirm
        channel.message_id_delivery_tag[_message_id(parcel)] = channel.delivery_tag
        return confirm

    def _forget(self, parcel: Parcel) -> None:
        channel = self._channel
        channel.message_id_delivery_tag.pop(_message_id(parcel), None)
        confirm = channel.confirmations.pop(channel.delivery_tag, None)
        if isinstance(confirm, asyncio.Future):
            confirm.cancel()
        channel.delivery_tag -= 1


def _message_id(parcel: Parcel) -> str:
    """Another one for each hand-over of each attempt: by it the library finds out which message is returned."""
    task = parcel.tasks[0]
    return f"{task.id}:{task.attempt}:{task.handovers}"


@lru_cache(maxsize=256)
def _publish_frame(lane: Lane, channel_number: int) -> bytes:
    frame = Basic.Publish(exchange="", routing_key=lane_queue(lane).name, mandatory=True)
    return pamqp.frame.marshal(frame, channel_number)


def _body_frame(body: bytes, channel_number: int) -> bytes:
    """A message is far smaller than any limit of a frame."""
    return pamqp.frame.marshal(ContentBody(body), channel_number)


def _said(confirm: "asyncio.Future[object]") -> Confirmation:
    if not confirm.done():
        confirm.cancel()
        return Confirmation.SILENCE
    if confirm.cancelled():
        return Confirmation.REFUSED
    match confirm.exception():
        case None:
            return Confirmation.TAKEN
        case aiormq.exceptions.PublishError():
            return Confirmation.UNROUTABLE
        case _:
            return Confirmation.REFUSED
