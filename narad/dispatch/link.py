"""A connection to the broker that is rebuilt as a whole whenever any part of it breaks.

Recovery inside a connection has a long history of consumers that look alive and are attached to nothing. So a lost
connection, a closed channel and a cancelled consumer all lead to the same thing: drop everything and build it anew,
on the next host where there are several.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias, cast

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.abc import FieldTable
from aiormq.channel import Channel as UnderlayChannel
from typing_extensions import override
from yarl import URL

from narad.errors import ConfigurationError
from narad.service import Service

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 10
"""A dead peer is noticed after about three heartbeats."""
_PORT, _TLS_PORT = 5672, 5671
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 3.0

Build: TypeAlias = Callable[["Link"], Awaitable[None]]
Drop: TypeAlias = Callable[[], None]


class Link(Service):
    """Keeps one connection. `build` sets up channels on a fresh one; `drop` forgets them when it is gone."""

    def __init__(self, urls: Sequence[str], purpose: str, *, build: Build, drop: Drop, timeout_seconds: float) -> None:
        super().__init__()
        self._urls = tuple(URL(url).update_query(heartbeat=HEARTBEAT_SECONDS) for url in urls)
        self._purpose = purpose
        self._build = build
        self._drop = drop
        self._timeout_seconds = timeout_seconds
        self._connection: AbstractConnection | None = None
        self._broken = asyncio.Event()

    @property
    @override
    def name(self) -> str:
        return f"broker link ({self._purpose})"

    @override
    async def start(self) -> None:
        self._spawn(self._keep())

    def broken(self, *_: object) -> None:
        """Say that something of this connection is no longer usable; it is rebuilt."""
        self._broken.set()

    async def open_channel(self, *, confirms: bool = True) -> tuple[AbstractChannel, UnderlayChannel]:
        """A channel of the current connection, and the fast one below it; to be called in `build`."""
        if self._connection is None:
            raise ConnectionError("the link is down")
        channel = self._connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
        await channel.initialize(timeout=self._timeout_seconds)
        channel.close_callbacks.add(self.broken)
        underlay = cast("UnderlayChannel", await channel.get_underlay_channel())
        underlay.on_consumer_cancel_callbacks.add(self.broken)
        return channel, underlay

    async def _keep(self) -> None:
        pauses = _pauses()
        for url in itertools.cycle(self._urls):
            try:
                await self._connect(url)
                pauses = _pauses()
                await self._broken.wait()
                log.warning("broker.lost", purpose=self._purpose, host=url.host, port=url.port)
            except Exception as error:  # noqa: BLE001 - whatever the library raises, the next try may succeed
                log.warning(
                    "broker.unreachable", purpose=self._purpose, host=url.host, port=url.port, reason=repr(error)
                )
            finally:
                await self._disconnect()
            await asyncio.sleep(next(pauses) * random.uniform(0.5, 1))  # noqa: S311 - spreads reconnects, no secret

    async def _connect(self, url: URL) -> None:
        self._broken.clear()
        async with asyncio.timeout(self._timeout_seconds):
            properties: FieldTable = {"connection_name": f"narad {self._purpose}"}
            with foreign_ends():
                self._connection = await aio_pika.connect(url, client_properties=properties)
                self._connection.close_callbacks.add(self.broken)
                await self._build(self)
        log.info("broker.connected", purpose=self._purpose, host=url.host, port=url.port)

    async def _disconnect(self) -> None:
        self._drop()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                with foreign_ends():
                    await connection.close()
        except Exception as error:  # noqa: BLE001 - it is gone in any case
            log.debug("broker.close_failed", purpose=self._purpose, reason=repr(error))


@contextmanager
def foreign_ends() -> Iterator[None]:
    """Make a ConnectionError of a cancellation that nobody asked this task for, and of the end of a foreign iteration.

    A connection that closes cancels the futures of what is under way on it; let through, that would end our loops. One
    that ends in the middle of its handshake says so by a StopAsyncIteration, which is an error in any generator.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectionError("the connection was closed") from error
    except StopAsyncIteration as error:
        raise ConnectionError("the connection ended in its handshake") from error


def check_url(address: str) -> None:
    """See that this can be the address of a broker.

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        url = URL(address)
        fits = url.scheme in {"amqp", "amqps"} and url.host is not None
    except ValueError:
        fits = False
    if not fits:
        raise ConfigurationError("NARAD_BROKER_URL is not an address such as amqp://user:password@host:5672/vhost.")


async def try_connection(address: str, *, timeout_seconds: float) -> tuple[str, int, str | None]:
    """Connect once and part again; returns the host, the port, and the reason where it does not work."""
    url = URL(address)
    host, port = url.host or "", url.port or (_TLS_PORT if url.scheme == "amqps" else _PORT)
    try:
        async with asyncio.timeout(timeout_seconds):
            with foreign_ends():
                connection = await aio_pika.connect(url)
                await connection.close()
    except TimeoutError:
        return host, port, f"no answer within {timeout_seconds:g} s"
    except Exception as error:  # noqa: BLE001 - whatever the library raises is the reason
        return host, port, str(error) or repr(error)
    return host, port, None


def _pauses() -> "itertools.chain[float]":
    """Seconds between tries: doubling up to the longest."""
    doubling = (_FIRST_PAUSE_SECONDS * 2**n for n in range(4))
    return itertools.chain(doubling, itertools.repeat(_LONGEST_PAUSE_SECONDS))
