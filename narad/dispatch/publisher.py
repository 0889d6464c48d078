"""Publishing on one channel: each message is answered for, one way or another, within a bounded time."""

from datetime import UTC, datetime
from enum import Enum, auto

import aiormq
import structlog
from aiormq.abc import AbstractChannel as UnderlayChannel
from pamqp.commands import Basic

from narad.dispatch.base import StopOrder
from narad.dispatch.link import foreign_cancels
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


class Publisher:
    """Publishes on one channel, which has confirms and raises what is returned."""

    def __init__(self, channel: UnderlayChannel, *, timeout_seconds: float) -> None:
        self._channel = channel
        self._timeout_seconds = timeout_seconds

    async def publish(self, task: HandOver) -> Confirmation:
        """Publish the message of a hand-over, and say what became of it."""
        # No delivery mode: a quorum queue keeps every message. Each property costs, for the sender and the receiver.
        properties = Basic.Properties(
            message_id=f"{task.id}:{task.attempt}:{task.handovers}",
            timestamp=datetime.now(UTC),
        )
        queue = lane_queue(Lane(task.queue, task.priority)).name
        return await self._publish(message.encode(task.id), "", queue, properties)

    async def order_stop(self, order: StopOrder) -> bool:
        """Publish an order to a worker; whether its queue took it."""
        properties = Basic.Properties(message_id=f"stop:{order.task_id}:{order.attempt}")
        body = message.encode_stop(order.task_id, order.attempt)
        said = await self._publish(body, CONTROL_EXCHANGE, str(order.worker_id), properties)
        return said is Confirmation.TAKEN

    async def _publish(self, body: bytes, exchange: str, key: str, properties: Basic.Properties) -> Confirmation:
        try:
            with foreign_cancels():
                await self._channel.basic_publish(
                    body,
                    exchange=exchange,
                    routing_key=key,
                    properties=properties,
                    mandatory=True,
                    timeout=self._timeout_seconds,
                )
        except aiormq.exceptions.PublishError:
            log.info("broker.unroutable", exchange=exchange, key=key)
            return Confirmation.UNROUTABLE
        except TimeoutError:
            log.warning("broker.silent", exchange=exchange, key=key)
            return Confirmation.SILENCE
        except (aiormq.exceptions.AMQPError, OSError, RuntimeError) as error:
            log.warning("broker.not_confirmed", exchange=exchange, key=key, reason=repr(error))
            return Confirmation.REFUSED
        return Confirmation.TAKEN
