"""The feed between processes: batches of events through a topic exchange, without confirms, to whoever listens.

Nobody listens most of the time, and then nothing is sent: a process that has clients calls for events now and then, and
the others send theirs as long as they heard such a call lately. One that has just connected says so, and is answered
with a call.

Batches are numbered by their sender. A receiver that misses a number, whatever became of the batch, says so.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from secrets import token_hex

import aiormq
import structlog
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel as UnderlayChannel
from pamqp.commands import Basic
from typing_extensions import override

from narad.dispatch.declare import declare_event_ear
from narad.dispatch.link import Link, foreign_ends
from narad.dispatch.topology import CALL_KEY, EVENT_EXCHANGE, EVENT_KEY, HELLO_KEY
from narad.domain.event import TaskEvent
from narad.domain.event_message import decode, encode
from narad.domain.message import UndecodableMessageError
from narad.events.base import Ear, Feed

log = structlog.get_logger(__name__)

CALL_SECONDS = 3.0
"""Between two calls for events."""
CALL_LASTS_SECONDS = 10.0
"""How long a call is obeyed: a few may get lost."""
SETTLED_SECONDS = 1.0
"""After the first call it takes a moment until all obey it."""
MOST_WAITING = 10_000
MOST_IN_MESSAGE = 250
MOST_SENDERS = 10_000
_TRANSIENT = 1
_LAST_WORDS_SECONDS = 1.0
_FAULTS = (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)


class RabbitFeed(Feed):
    """Tells the ear of this process at once, and those of others through the broker."""

    def __init__(self, urls: Sequence[str], *, timeout_seconds: float, hears: bool) -> None:
        """`hears` where this process may have clients that want events."""
        super().__init__()
        self._timeout_seconds = timeout_seconds
        self._keys = (EVENT_KEY, CALL_KEY, HELLO_KEY) if hears else (CALL_KEY,)
        self._link = Link(urls, "events", build=self._build, drop=self._drop, timeout_seconds=timeout_seconds)
        self._origin = token_hex(8)
        self._ear: Ear | None = None
        self._channel: UnderlayChannel | None = None
        self._waiting: deque[TaskEvent] = deque()
        self._to_send = asyncio.Event()
        self._number = 0
        self._heard: dict[str, int] = {}
        """The number of the latest batch of each sender."""
        self._wanted_until = 0.0
        self._calling = asyncio.Event()
        self._call_now = asyncio.Event()
        self._called_since: float | None = None

    @property
    @override
    def wanted(self) -> bool:
        return self._ear is not None or time.monotonic() < self._wanted_until

    @property
    @override
    def complete(self) -> bool:
        since = self._called_since
        return since is not None and time.monotonic() - since > SETTLED_SECONDS

    @property
    def connected(self) -> bool:
        """Whether there is a broker."""
        return self._channel is not None

    @override
    async def start(self) -> None:
        self._spawn(self._send())
        self._spawn(self._call())
        await self._link.start()

    @override
    async def stop(self) -> None:
        self.rest()
        await super().stop()
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._flush()
        except TimeoutError:
            log.debug("events.last_words_lost", events=len(self._waiting))
        await self._link.stop()

    @override
    def publish(self, events: Sequence[TaskEvent]) -> None:
        if self._ear is not None:
            self._ear.hear(events)
        if time.monotonic() >= self._wanted_until:
            return
        if self._channel is None or len(self._waiting) + len(events) > MOST_WAITING:
            self._miss()
            return
        self._waiting.extend(events)
        self._to_send.set()

    @override
    def attend(self, ear: Ear) -> None:
        self._ear = ear
        self._calling.set()
        self._call_now.set()

    @override
    def rest(self) -> None:
        self._ear = None
        self._calling.clear()
        self._called_since = None
        # From now on batches are missed on purpose.
        self._heard.clear()

    def _miss(self) -> None:
        """Leave out a number, so that whoever hears the next batch knows that something is missing."""
        self._number += 1

    async def _send(self) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MOST_IN_MESSAGE, len(self._waiting)))]
            self._number += 1
            await self._publish(EVENT_KEY, encode(self._number, batch))

    async def _call(self) -> None:
        """Call for events as long as somebody here wants them: at once, and then at a steady pace."""
        while True:
            await self._calling.wait()
            self._call_now.clear()
            if await self._publish(CALL_KEY, b"") and self._calling.is_set() and self._called_since is None:
                self._called_since = time.monotonic()
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    await self._call_now.wait()
            except TimeoutError:
                continue

    async def _publish(self, key: str, body: bytes) -> bool:
        """Write a message to the connection; whether that went well. Nobody confirms it."""
        channel = self._channel
        if channel is None:
            return False
        properties = Basic.Properties(app_id=self._origin, message_id=str(self._number), delivery_mode=_TRANSIENT)
        try:
            with foreign_ends():
                await channel.basic_publish(
                    body,
                    exchange=EVENT_EXCHANGE,
                    routing_key=key,
                    properties=properties,
                    timeout=self._timeout_seconds,
                )
        except _FAULTS as error:
            log.debug("events.not_sent", reason=repr(error))
            self._link.broken()
            return False
        return channel is self._channel

    async def _hear(self, message: DeliveredMessage) -> None:
        origin = message.header.properties.app_id
        if not isinstance(origin, str) or origin == self._origin:
            return
        key = message.delivery.routing_key if isinstance(message.delivery, Basic.Deliver) else None
        if key == CALL_KEY:
            self._wanted_until = time.monotonic() + CALL_LASTS_SECONDS
        elif key == HELLO_KEY:
            self._call_now.set()
        elif self._ear is not None:
            self._hear_batch(self._ear, origin, message.body)

    def _hear_batch(self, ear: Ear, origin: str, body: bytes) -> None:
        try:
            number, events = decode(body)
        except UndecodableMessageError as error:
            log.warning("events.undecodable", reason=str(error))
            ear.gap()
            return
        if number != self._heard.get(origin, number - 1) + 1:
            ear.gap()
        if len(self._heard) >= MOST_SENDERS:
            self._heard.clear()
        self._heard[origin] = number
        ear.hear(events)

    async def _build(self, link: Link) -> None:
        channel, underlay = await link.open_channel(confirms=False)
        name = await declare_event_ear(channel, self._keys)
        await underlay.basic_consume(name, self._hear, no_ack=True, timeout=self._timeout_seconds)
        self._channel = underlay
        self._call_now.set()
        await self._publish(HELLO_KEY, b"")
        if self._ear is not None:
            self._ear.gap()

    def _drop(self) -> None:
        was_connected = self._channel is not None
        self._channel = None
        self._called_since = None
        self._heard.clear()
        self._waiting.clear()
        self._miss()
        if was_connected and self._ear is not None:
            self._ear.gap()
