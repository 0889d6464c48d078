"""Dead letters looked at and replayed: taken from their queue, and given back or sent on.

AMQP cannot show a message without taking it, and what is given back counts as returned: a broker that limits the
returns of a quorum queue, as RabbitMQ does from 4.0 on where nobody says otherwise, drops a message that was looked at
too often. So one that was returned often is parked anew, as a copy with a count of its own, before it comes so far.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import aio_pika
import aiormq
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, HeadersType
from yarl import URL

from narad.dispatch import topology
from narad.dispatch.declare import declare_dead_letters
from narad.dispatch.link import foreign_ends
from narad.dispatch.subscription import LANE_HEADER, REASON_HEADER
from narad.domain import message
from narad.domain.dead_letter import MOST_LOOKED_AT, DeadLetter
from narad.domain.task import Lane
from narad.errors import BrokerUnavailableError

log = structlog.get_logger(__name__)

RENEWED_AFTER: Final = 10
"""Returns of a dead letter, well below the limit of 20 that RabbitMQ 4 has."""
_RETURNS: Final = "x-delivery-count"
_DEATHS: Final = "x-death"
_PURPOSE = "dead letters"
_LONGEST_BODY = 2_000
_KEY_DIGITS = 16
_FAULTS = (aiormq.exceptions.AMQPError, aio_pika.exceptions.DeliveryError, OSError, TimeoutError, RuntimeError)


class RabbitDeadLetters:
    """Connects for each look: people look rarely, and what is taken comes back when the connection ends."""

    def __init__(self, urls: Sequence[str], *, timeout_seconds: float) -> None:
        self._urls = tuple(urls)
        self._timeout_seconds = timeout_seconds

    async def count(self) -> int:
        """How many there are, of those that nobody looks at right now."""
        async with self._connected() as channel:
            return await declare_dead_letters(channel)

    async def look(self) -> Sequence[DeadLetter]:
        """The oldest."""
        async with self._connected() as channel:
            taken = await _take(channel)
            for one in taken:
                await _give_back(channel, one)
            return [letter_of(one.body, one.headers) for one in taken]

    async def replay(self, keys: Collection[str]) -> int:
        """Send those of these keys to their lanes: confirmed first, then taken off. So one may be sent twice."""
        sent = 0
        async with self._connected() as channel:
            for one in await _take(channel):
                letter = letter_of(one.body, one.headers)
                if letter.lane is None or letter.key not in keys:
                    await _give_back(channel, one)
                    continue
                await _send(channel, one, topology.lane_queue(letter.lane).name)
                await one.ack()
                sent += 1
        return sent

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AbstractChannel]:
        """A channel to any of the hosts, until the block ends."""
        try:
            async with await self._connect() as connection:
                async with asyncio.timeout(self._timeout_seconds):
                    with foreign_ends():
                        channel = await connection.channel(on_return_raises=True)
                        await declare_dead_letters(channel)
                        yield channel
        except _FAULTS as error:
            log.warning("broker.dead_letters_unreachable", reason=repr(error))
            raise BrokerUnavailableError(f"The broker does not show its dead letters: {error!r}.") from error

    async def _connect(self) -> AbstractConnection:
        """To the first host that answers."""
        *others, last = self._urls
        for url in others:
            try:
                return await self._connect_to(url)
            except _FAULTS as error:
                log.warning("broker.unreachable", purpose=_PURPOSE, host=URL(url).host, reason=repr(error))
        return await self._connect_to(last)

    async def _connect_to(self, url: str) -> AbstractConnection:
        async with asyncio.timeout(self._timeout_seconds):
            with foreign_ends():
                return await aio_pika.connect(url, client_properties={"connection_name": f"narad {_PURPOSE}"})


async def _take(channel: AbstractChannel) -> list[AbstractIncomingMessage]:
    """The oldest dead letters, to be acknowledged or given back."""
    queue = await channel.get_queue(topology.DEAD_LETTER_QUEUE, ensure=False)
    taken: list[AbstractIncomingMessage] = []
    while len(taken) < MOST_LOOKED_AT and (one := await queue.get(fail=False)) is not None:
        taken.append(one)
    return taken


async def _give_back(channel: AbstractChannel, taken: AbstractIncomingMessage) -> None:
    returns = taken.headers.get(_RETURNS, 0)
    if not isinstance(returns, int) or returns < RENEWED_AFTER:
        await taken.reject(requeue=True)
        return
    exchange = await channel.get_exchange(topology.DEAD_LETTER_EXCHANGE, ensure=False)
    await exchange.publish(_copy(taken), topology.DEAD_LETTER_KEY)
    await taken.ack()


async def _send(channel: AbstractChannel, taken: AbstractIncomingMessage, queue: str) -> None:
    """Send a copy without its past: the broker counts its returns anew."""
    body = aio_pika.Message(taken.body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, timestamp=taken.timestamp)
    await channel.default_exchange.publish(body, queue)


def _copy(taken: AbstractIncomingMessage) -> aio_pika.Message:
    headers: HeadersType = {name: value for name, value in taken.headers.items() if name != _RETURNS}
    return aio_pika.Message(taken.body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, headers=headers)


def letter_of(body: bytes, headers: HeadersType) -> DeadLetter:
    """What a parked message says of itself."""
    death = _last_death(headers)
    lane = topology.lane_of(_text(headers.get(LANE_HEADER)) or _text(death.get("queue")))
    reason = _text(headers.get(REASON_HEADER)) or f"parked by RabbitMQ: {_text(death.get('reason')) or 'unknown'}"
    parked_at = death.get("time")
    try:
        task_ids = message.decode(body)
    except message.UndecodableMessageError:
        task_ids = ()
    return DeadLetter(
        key=_key(body, reason, lane),
        reason=reason,
        lane=lane,
        task_ids=task_ids,
        body=body[:_LONGEST_BODY].decode("utf-8", "backslashreplace"),
        parked_at=parked_at.astimezone(UTC) if isinstance(parked_at, datetime) else None,
    )


def _last_death(headers: HeadersType) -> dict[str, object]:
    """What the broker wrote down when it parked a message itself."""
    deaths = headers.get(_DEATHS)
    if not isinstance(deaths, list) or not deaths or not isinstance(deaths[0], dict):
        return {}
    return dict(deaths[0])


def _key(body: bytes, reason: str, lane: Lane | None) -> str:
    place = "" if lane is None else topology.lane_queue(lane).name
    return hashlib.sha256(b"\0".join([place.encode(), reason.encode(), body])).hexdigest()[:_KEY_DIGITS]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
